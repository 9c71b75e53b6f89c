package io.glmimage.model.prior;

import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import io.glmimage.weights.ConfigFile;
import io.glmimage.weights.Weights;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Vision features to codebook ids: a linear map (the checkpoint's 1x1 convolution), then the
 * nearest code. Features and codes are scaled to length 1, so the nearest code is the one with the
 * largest product. Among equal products the lowest id wins.
 *
 * <p>N tokens, E vision width, Q code width, K codes. Lengths and products in float32.
 *
 * <p>Ported from transformers src/transformers/models/glm_image/modeling_glm_image.py,
 * GlmImageVQVAE and GlmImageVQVAEVectorQuantizer (5.17.0). Deviation: the largest product instead
 * of the smallest distance, which is the same for unit lengths.
 */
final class VectorQuantizer {
  /** The reference's lower limit for a length. */
  private static final double MIN_LENGTH = 1e-12;

  /** The reference's default for the number of codes. */
  static final int CODES_DEFAULT = 16_384;

  private final Tensor weight;
  private final Tensor bias;
  private final Tensor codes;

  VectorQuantizer(ConfigFile config, Weights modelWeights) {
    Weights weights = modelWeights.prefix("model.vqmodel.");
    int in = config.sizeOrWarn("latent_channels", 1536);
    int out = config.sizeOrWarn("embed_dim", 2048);
    try (TensorScope scope = new TensorScope()) {
      // [Q, E, 1, 1] -> [Q, E]
      weight = weights.adopt(weights.get("quant_conv.weight", out, in, 1, 1).view(out, in));
      bias = weights.get("quant_conv.bias", out);
      Tensor stored =
          weights.readFloat(
              "quantize.embedding.weight", config.size("num_embeddings", CODES_DEFAULT), out);
      codes = weights.adopt(normalize(stored));
    }
  }

  /** {@code [N, E] -> [N, Q]} */
  Tensor project(Tensor features) {
    return Ops.linear(features, weight, bias);
  }

  /** Features to their products with all codes, {@code [N, E] -> [N, K]} float32. */
  Tensor similarity(Tensor features) {
    try (TensorScope scope = new TensorScope()) {
      Tensor projected = project(features).to(ScalarType.Float);
      return scope.keep(Ops.linear(normalize(projected), codes, null));
    }
  }

  /** {@code [N, K] -> [N]} int64 ids, of the caller's scope. */
  static Tensor nearest(Tensor similarity) {
    return torch.argmax(similarity, new LongOptional(1), /* keepdim= */ false);
  }

  private static Tensor normalize(Tensor x) {
    Tensor length = x.norm(new ScalarOptional(new Scalar(2.0)), new long[] {1}, true);
    return x.div(length.clamp_min(new Scalar(MIN_LENGTH)));
  }
}
