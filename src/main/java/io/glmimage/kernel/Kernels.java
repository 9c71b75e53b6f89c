package io.glmimage.kernel;

import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Libtorch;
import io.glmimage.tensor.Precision;
import java.nio.file.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Chooses a run's {@link KernelProvider}, once, and says in the log what and why. */
public final class Kernels {
  private static final Logger LOG = LoggerFactory.getLogger(Kernels.class);

  private Kernels() {}

  /**
   * The provider for {@code mode} on the device of {@code compute}.
   *
   * @param cacheFolder where compiled kernels are kept between runs; several processes may share it
   * @throws io.glmimage.error.DeviceException when the GPU cannot compute in the precision asked
   *     for
   * @throws CudaUnavailableException when fused kernels are forced and cannot be had
   */
  public static KernelProvider provider(KernelMode mode, Compute compute, Path cacheFolder) {
    if (mode == KernelMode.NATIVE) {
      LOG.info("kernels: native (kernel mode is native)");
      return new AtenKernels();
    }
    try {
      if (!compute.isCuda()) {
        throw new CudaUnavailableException(
            "Cannot run fused kernels: the device is " + compute.device());
      }
      if (!Libtorch.cudaAvailable()) {
        String problem = Libtorch.cudaProblem();
        throw new CudaUnavailableException(
            "Cannot run fused kernels: libtorch sees no GPU"
                + (problem == null ? "" : " (" + problem + ")"));
      }
      CudaKernels provider = new CudaKernels(mode, compute.gpuIndex(), cacheFolder);
      if (compute.precision() == Precision.FP8) {
        provider.prepareFp8();
      }
      LOG.info("kernels: fused where a call allows it (kernel mode is {})", mode);
      return provider;
    } catch (CudaUnavailableException e) {
      if (mode == KernelMode.FUSED) {
        throw e;
      }
      LOG.info("kernels: native ({})", e.getMessage());
      if (compute.isCuda() && compute.precision() == Precision.FP8) {
        LOG.warn("fp8 products run in float32: slower than --precision auto");
      }
      return new AtenKernels();
    }
  }
}
