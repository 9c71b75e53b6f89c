package io.glmimage.model.dit;

import io.glmimage.kernel.KernelProvider;
import io.glmimage.kernel.Linear;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import io.glmimage.weights.Weights;
import org.bytedeco.pytorch.Tensor;

/**
 * The weights of one block. D width, E width of the conditioning. {@link PackedForward} runs them.
 *
 * <p>Ported from diffusers src/diffusers/models/transformers/transformer_glm_image.py,
 * GlmImageTransformerBlock (commit 58eb52c). Deviation: query, key and value are one product.
 *
 * @param modulation {@code E -> 12 D}: shifts, scales and gates
 * @param qkv {@code D -> 3 D}: query, key, value
 * @param out {@code D -> D}: the attention's output projection
 * @param widen {@code D -> 4 D}: the first half of the MLP, before GELU
 * @param narrow {@code 4 D -> D}: the second half of the MLP
 */
record TransformerBlock(
    Projection modulation, Linear qkv, Linear out, Linear widen, Linear narrow) {
  private static final int MLP_RATIO = 4;

  static TransformerBlock load(Weights weights, DitConfig config, KernelProvider kernels) {
    int d = config.width();
    int wide = MLP_RATIO * d;
    return new TransformerBlock(
        Projection.load(weights, "norm1.linear", config.timeDim(), 12L * d),
        qkv(weights, d, kernels),
        linear(weights, "attn1.to_out.0", d, d, kernels),
        linear(weights, "ff.net.0.proj", d, wide, kernels),
        linear(weights, "ff.net.2", wide, d, kernels));
  }

  private static Linear linear(
      Weights weights, String name, int inputs, int outputs, KernelProvider kernels) {
    try (TensorScope scope = new TensorScope()) {
      return Linear.of(
          weights.compute(),
          kernels,
          weights.read(name + ".weight", outputs, inputs),
          weights.read(name + ".bias", outputs),
          weights::adopt);
    }
  }

  private static Linear qkv(Weights weights, int d, KernelProvider kernels) {
    try (TensorScope scope = new TensorScope()) {
      return Linear.of(
          weights.compute(),
          kernels,
          fuse(weights, "weight", d, d),
          fuse(weights, "bias", d),
          weights::adopt);
    }
  }

  /** {@code 3 x [D, ..] -> [3 D, ..]} */
  private static Tensor fuse(Weights weights, String what, long... shape) {
    Tensor q = weights.read("attn1.to_q." + what, shape);
    Tensor k = weights.read("attn1.to_k." + what, shape);
    Tensor v = weights.read("attn1.to_v." + what, shape);
    return Ops.cat(0, q, k, v);
  }
}
