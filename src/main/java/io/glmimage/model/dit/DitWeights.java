package io.glmimage.model.dit;

import io.glmimage.kernel.KernelProvider;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Precision;
import io.glmimage.weights.Weights;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * The transformer's weights with their configuration: immutable, and all that a forward pass needs
 * to know about the checkpoint. D width, E width of the conditioning.
 *
 * @param compute where the weights are and what they compute in
 * @param condition timestep and target size to the conditioning vector
 * @param imageProjector patches of latents to D
 * @param glyphProjector glyph embeddings to D
 * @param priorProjector prior ids to D
 * @param blocks the transformer blocks, in order
 * @param finalNorm {@code E -> 2 D}: scale, then shift of the norm after the last block
 * @param out D to patches of predicted noise
 * @param fp8Attention whether queries, keys and values are e4m3
 */
record DitWeights(
    DitConfig config,
    Compute compute,
    ConditionEmbedder condition,
    Projection imageProjector,
    Mlp glyphProjector,
    PriorProjector priorProjector,
    List<TransformerBlock> blocks,
    Projection finalNorm,
    Projection out,
    boolean fp8Attention) {

  static DitWeights load(Weights weights, DitConfig config, KernelProvider kernels) {
    int d = config.width();
    Weights glyph = weights.prefix("glyph_projector.");
    return new DitWeights(
        config,
        weights.compute(),
        ConditionEmbedder.load(weights.prefix("time_condition_embed."), config),
        Projection.load(weights, "image_projector.proj", config.patchValues(), d),
        new Mlp(
            Projection.load(glyph, "net.0.proj", config.textDim(), d),
            Projection.load(glyph, "net.2", d, d)),
        new PriorProjector(weights, config),
        blocks(weights, config, kernels),
        Projection.load(weights, "norm_out.linear", config.timeDim(), 2L * d),
        Projection.load(weights, "proj_out", d, config.patchValues()),
        weights.compute().precision() == Precision.FP8
            && kernels.fp8Attention().available(config.headDim()));
  }

  /** The dtype of queries, keys and values. */
  ScalarType attentionType() {
    return fp8Attention ? ScalarType.Float8_e4m3fn : compute.dtype();
  }

  private static List<TransformerBlock> blocks(
      Weights weights, DitConfig config, KernelProvider kernels) {
    List<TransformerBlock> blocks = new ArrayList<>();
    for (int i = 0; i < config.layers(); i++) {
      blocks.add(
          TransformerBlock.load(weights.prefix("transformer_blocks." + i + "."), config, kernels));
    }
    return List.copyOf(blocks);
  }
}
