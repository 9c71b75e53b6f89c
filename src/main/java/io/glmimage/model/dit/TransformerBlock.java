package io.glmimage.model.dit;

import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import io.glmimage.weights.Weights;
import org.bytedeco.pytorch.Tensor;

/**
 * The weights of one block.
 *
 * @param modulationWeight {@code [12 D, E]}
 * @param modulationBias {@code [12 D]}
 * @param qkvWeight {@code [3 D, D]}: query, key, value in one product
 * @param qkvBias {@code [3 D]}
 * @param outWeight {@code [D, D]}
 * @param outBias {@code [D]}
 * @param mlp widens D to 4 D and back
 */
record TransformerBlock(
    Tensor modulationWeight,
    Tensor modulationBias,
    Tensor qkvWeight,
    Tensor qkvBias,
    Tensor outWeight,
    Tensor outBias,
    Mlp mlp) {
  private static final int MLP_RATIO = 4;

  static TransformerBlock load(Weights weights, DitConfig config) {
    int d = config.width();
    return new TransformerBlock(
        weights.get("norm1.linear.weight", 12L * d, config.timeDim()),
        weights.get("norm1.linear.bias", 12L * d),
        fuse(weights, "weight", d, d),
        fuse(weights, "bias", d),
        weights.get("attn1.to_out.0.weight", d, d),
        weights.get("attn1.to_out.0.bias", d),
        Mlp.load(weights, "ff.net.0.proj", "ff.net.2", d, MLP_RATIO * d, d));
  }

  private static Tensor fuse(Weights weights, String what, long... shape) {
    try (TensorScope scope = new TensorScope()) {
      Tensor q = weights.get("attn1.to_q." + what, shape);
      Tensor k = weights.get("attn1.to_k." + what, shape);
      Tensor v = weights.get("attn1.to_v." + what, shape);
      Tensor fused = weights.adopt(Ops.cat(0, q, k, v));
      weights.release(q, k, v);
      return fused;
    }
  }
}
