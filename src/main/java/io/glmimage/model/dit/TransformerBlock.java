package io.glmimage.model.dit;

import io.glmimage.kernel.KernelProvider;
import io.glmimage.kernel.Linear;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.Precision;
import io.glmimage.tensor.TensorScope;
import io.glmimage.weights.Weights;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

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
 * @param valueFactor of values in e4m3, a power of two: see {@link #valueFactor(Tensor, Tensor)}
 */
record TransformerBlock(
    Projection modulation,
    Linear qkv,
    Linear out,
    Linear widen,
    Linear narrow,
    double valueFactor) {
  private static final int MLP_RATIO = 4;

  /**
   * What a typical value becomes in e4m3, whose numbers have their full precision from 1/64 to 448.
   */
  private static final double TYPICAL_VALUE = 8;

  static TransformerBlock load(Weights weights, DitConfig config, KernelProvider kernels) {
    int d = config.width();
    int wide = MLP_RATIO * d;
    Projection modulation = Projection.load(weights, "norm1.linear", config.timeDim(), 12L * d);
    Linear qkv;
    double valueFactor;
    try (TensorScope scope = new TensorScope()) {
      Tensor weight = fuse(weights, "weight", d, d);
      Tensor bias = fuse(weights, "bias", d);
      qkv = Linear.of(weights.compute(), kernels, weight, bias, weights::adopt);
      valueFactor =
          weights.compute().precision() == Precision.FP8
              ? valueFactor(weight.narrow(0, 2L * d, d), bias.narrow(0, 2L * d, d))
              : 1;
    }
    return new TransformerBlock(
        modulation,
        qkv,
        linear(weights, "attn1.to_out.0", d, d, kernels),
        linear(weights, "ff.net.0.proj", d, wide, kernels),
        linear(weights, "ff.net.2", wide, d, kernels),
        valueFactor);
  }

  /**
   * The factor that brings values to {@link #TYPICAL_VALUE}. Their size is estimated for inputs of
   * variance 1, as the norm before the projection gives them. So the factor depends on nothing but
   * the weights.
   */
  static double valueFactor(Tensor weight, Tensor bias) {
    if (weight.is_meta()) {
      return 1; // There are no weights, and nothing is computed.
    }
    try (TensorScope scope = new TensorScope()) {
      double squares =
          weight.to(ScalarType.Float).square().sum().item_double()
              + bias.to(ScalarType.Float).square().sum().item_double();
      double typical = Math.sqrt(squares / weight.size(0));
      // Weights of zero, or ones that are not finite, have no size.
      return typical > 0 && Double.isFinite(typical)
          ? Math.pow(2, Math.rint(Math.log(TYPICAL_VALUE / typical) / Math.log(2)))
          : 1;
    }
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

  /** {@code 3 x [D, ..] -> [3 D, ..]} */
  private static Tensor fuse(Weights weights, String what, long... shape) {
    Tensor q = weights.read("attn1.to_q." + what, shape);
    Tensor k = weights.read("attn1.to_k." + what, shape);
    Tensor v = weights.read("attn1.to_v." + what, shape);
    return Ops.cat(0, q, k, v);
  }
}
