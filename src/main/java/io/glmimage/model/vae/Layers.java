package io.glmimage.model.vae;

import io.glmimage.kernel.KernelProvider;
import io.glmimage.tensor.Compute;
import io.glmimage.weights.Weights;

/**
 * Makes the layers of the VAE.
 *
 * @param channelsLast whether images have their channels last in memory, and so have the weights of
 *     convolutions. Layers also take other images, but more slowly
 */
record Layers(KernelProvider kernels, int normGroups, boolean channelsLast) {
  static Layers of(VaeConfig config, Compute compute, KernelProvider kernels) {
    boolean channelsLast = kernels.prefersChannelsLast(compute.dtype(), config.blockChannels());
    return new Layers(kernels, config.normGroups(), channelsLast);
  }

  /** A convolution with a square kernel. */
  Conv conv(Weights weights, String name, int in, int out, int size) {
    return Conv.of(weights, name, in, out, size, channelsLast);
  }

  Norm norm(Weights weights, String name, int channels) {
    return Norm.of(weights, name, channels, normGroups, kernels.groupNorm());
  }
}
