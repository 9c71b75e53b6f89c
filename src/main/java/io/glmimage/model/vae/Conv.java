package io.glmimage.model.vae;

import io.glmimage.tensor.Ops;
import io.glmimage.weights.Weights;
import org.bytedeco.pytorch.Tensor;

/**
 * A convolution with bias over {@code [B, I, H, W]}, with a square kernel of odd size K.
 *
 * @param kernel {@code [O, I, K, K]}
 * @param bias {@code [O]}
 */
record Conv(Tensor kernel, Tensor bias) {
  static Conv of(Weights weights, String name, int in, int out, int size) {
    return new Conv(
        weights.get(name + ".weight", out, in, size, size), weights.get(name + ".bias", out));
  }

  /** Padded to keep the size: {@code [B, I, H, W] -> [B, O, H, W]} */
  Tensor forward(Tensor x) {
    return Ops.conv2d(x, kernel, bias, /* stride= */ 1, /* padding= */ kernel.size(2) / 2);
  }

  /** At every second position, without padding. */
  Tensor forwardStride2(Tensor x) {
    return Ops.conv2d(x, kernel, bias, /* stride= */ 2, /* padding= */ 0);
  }
}
