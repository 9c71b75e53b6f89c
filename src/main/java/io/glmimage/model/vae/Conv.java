package io.glmimage.model.vae;

import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import io.glmimage.weights.Weights;
import org.bytedeco.pytorch.Tensor;

/**
 * A convolution with bias over {@code [B, I, H, W]}, with a square kernel of odd size K.
 *
 * @param kernel {@code [O, I, K, K]}, with the channels last in memory if images have them so
 * @param bias {@code [O]}
 */
record Conv(Tensor kernel, Tensor bias) {
  static Conv of(Weights weights, String name, int in, int out, int size, boolean channelsLast) {
    try (TensorScope scope = new TensorScope()) {
      Tensor kernel = weights.read(name + ".weight", out, in, size, size);
      return new Conv(
          weights.adopt(channelsLast ? Ops.channelsLast(kernel) : kernel),
          weights.get(name + ".bias", out));
    }
  }

  /** Padded to keep the size: {@code [B, I, H, W] -> [B, O, H, W]} */
  Tensor forward(Tensor x) {
    return forward(x, bias, /* stride= */ 1, /* padding= */ kernel.size(2) / 2);
  }

  /** As {@link #forward(Tensor)}, without adding the bias. */
  Tensor forwardWithoutBias(Tensor x) {
    return forward(x, null, /* stride= */ 1, /* padding= */ kernel.size(2) / 2);
  }

  /** At every second position, without padding. */
  Tensor forwardStride2(Tensor x) {
    return forward(x, bias, /* stride= */ 2, /* padding= */ 0);
  }

  private Tensor forward(Tensor x, Tensor added, long stride, long padding) {
    if (Ops.isChannelsLast(x)) {
      // A convolution that is not cuDNN's may return the channels first.
      return Ops.channelsLast(Ops.conv2d(x, kernel, added, stride, padding));
    }
    // libtorch would rearrange the image if only the kernel had its channels last.
    return Ops.conv2d(x, kernel.contiguous(), added, stride, padding);
  }
}
