package io.glmimage.model.dit;

import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import io.glmimage.weights.Weights;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Timestep and target size as one conditioning vector of width E: the sum of two embeddings, each a
 * sinusoid followed by an MLP, through SiLU.
 *
 * <p>Ported from diffusers src/diffusers/models/transformers/transformer_glm_image.py,
 * GlmImageCombinedTimestepSizeEmbeddings (commit 58eb52c). Deviation: all steps of a schedule are
 * embedded at once.
 */
final class ConditionEmbedder {
  private final Compute compute;
  private final int timeDim;
  private final int conditionDim;
  private final Mlp time;
  private final Mlp size;

  private ConditionEmbedder(Compute compute, DitConfig config, Mlp time, Mlp size) {
    this.compute = compute;
    this.timeDim = config.timeDim();
    this.conditionDim = config.conditionDim();
    this.time = time;
    this.size = size;
  }

  /**
   * Loads the embedder.
   *
   * @param weights at the prefix of the embedder
   */
  static ConditionEmbedder load(Weights weights, DitConfig config) {
    int e = config.timeDim();
    return new ConditionEmbedder(
        weights.compute(),
        config,
        mlp(weights.prefix("timestep_embedder."), e, e),
        mlp(weights.prefix("condition_embedder."), 4L * config.conditionDim(), e));
  }

  private static Mlp mlp(Weights weights, long inputs, int outputs) {
    return new Mlp(
        Projection.load(weights, "linear_1", inputs, outputs),
        Projection.load(weights, "linear_2", outputs, outputs));
  }

  /**
   * The conditioning vectors of a schedule.
   *
   * @param timesteps as the network sees them
   * @param height of the target in pixels
   * @param width of the target in pixels
   * @param top first row of the crop, in pixels
   * @param left first column of the crop, in pixels
   * @return {@code [steps, E]} in the compute dtype, of the caller's scope
   */
  Tensor embed(double[] timesteps, int height, int width, int top, int left) {
    try (TensorScope scope = new TensorScope()) {
      Tensor timeInput = Ops.to(timeSinusoid(timesteps), compute);
      Tensor sizeInput = Ops.to(sizeSinusoid(height, width, top, left), compute);
      Tensor embedding =
          time.apply(timeInput, torch::silu) // [steps, E]
              .add(size.apply(sizeInput, torch::silu)); // [1, E]
      return scope.keep(torch.silu(embedding));
    }
  }

  /** {@code [steps, E]} float32. */
  Tensor timeSinusoid(double[] timesteps) {
    float[] numbers = new float[timesteps.length];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = (float) timesteps[i];
    }
    return Sinusoid.embed(numbers, timeDim);
  }

  /** {@code [1, 4 * conditionDim]} float32: the crop's corner, then the target size. */
  Tensor sizeSinusoid(int height, int width, int top, int left) {
    // [4, conditionDim] -> [1, 4 * conditionDim]
    return Sinusoid.embed(new float[] {top, left, height, width}, conditionDim).view(1, -1);
  }
}
