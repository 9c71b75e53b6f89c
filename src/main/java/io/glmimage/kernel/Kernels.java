package io.glmimage.kernel;

import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Libtorch;
import io.glmimage.tensor.Precision;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Chooses the {@link KernelProvider} of a loaded model and logs the choice with its reason. */
public final class Kernels {
  private static final Logger LOG = LoggerFactory.getLogger(Kernels.class);

  private Kernels() {}

  /** Where the job keeps compiled kernels between runs, on this host and for this user. */
  public static Path cacheFolder() {
    return Libtorch.cacheFolder().resolve("glm-image-kernels");
  }

  /**
   * The provider for {@code mode} on the device of {@code compute}. With {@link KernelMode#AUTO},
   * libtorch's operations are used where the CUDA kernels cannot be. With {@link KernelMode#FUSED},
   * every kernel is compiled and loaded before this returns.
   *
   * @param cacheFolder keeps compiled kernels between runs; several processes may share it
   * @throws io.glmimage.error.DeviceException if the GPU does not support the precision
   * @throws CudaUnavailableException if fused kernels are forced and cannot be used
   * @throws KernelException if fused kernels are forced and one does not compile
   */
  public static KernelProvider provider(KernelMode mode, Compute compute, Path cacheFolder) {
    if (mode == KernelMode.NATIVE) {
      return aten("--kernels native");
    }
    if (mode == KernelMode.AUTO && !compute.isCuda()) {
      return aten("no CUDA device");
    }
    try {
      CudaKernels provider = cuda(mode, compute, cacheFolder);
      LOG.info("Kernels: fused where a call allows it (--kernels {})", mode);
      return provider;
    } catch (CudaUnavailableException e) {
      if (mode == KernelMode.FUSED) {
        throw e;
      }
      if (compute.precision() == Precision.FP8) {
        LOG.warn("fp8 products run in float32, which is slower than --precision auto");
      }
      return aten(e.getMessage());
    }
  }

  /**
   * For diagnosis: runs one small call of every operation on a GPU in bfloat16 with {@code
   * --kernels auto}. Returns the implementation of each call.
   *
   * @param device the GPU's index
   * @throws KernelException if a kernel does not compile or cannot be launched
   */
  public static List<KernelSelection> tryAll(int device, Path cacheFolder) {
    Compute compute = Compute.cuda(device);
    compute.makeCurrent();
    KernelProvider provider = provider(KernelMode.AUTO, compute, cacheFolder);
    if (!(provider instanceof CudaKernels cuda)) {
      return provider.selections();
    }
    KernelSamples.run(cuda, compute);
    List<KernelSelection> selections = new ArrayList<>();
    if (cuda.fp8Linear().supported()) {
      KernelSamples.runFp8(cuda, compute);
    } else {
      selections.add(
          new KernelSelection(
              KernelOperation.FP8_LINEAR.toString(), false, "the GPU does not support fp8"));
    }
    compute.awaitStream();
    selections.addAll(cuda.selections());
    return selections.stream().sorted().toList();
  }

  /**
   * Runs every operation on a GPU in bfloat16 and compares the results with libtorch's operations
   * there. Empty if there are no CUDA kernels to compare.
   *
   * @param device the GPU's index
   * @throws KernelException if a kernel does not compile or cannot be launched
   */
  public static List<KernelComparison> compareAll(int device, Path cacheFolder) {
    Compute compute = Compute.cuda(device);
    compute.makeCurrent();
    if (!(provider(KernelMode.AUTO, compute, cacheFolder) instanceof CudaKernels cuda)) {
      return List.of();
    }
    boolean fp8 = cuda.fp8Linear().supported();
    long seed = 1;
    Map<KernelOperation, List<float[]>> ours = KernelSamples.results(cuda, compute, seed, fp8);
    Map<KernelOperation, List<float[]>> expected =
        KernelSamples.results(aten("comparison"), compute, seed, fp8);
    return KernelComparison.of(ours, expected, cuda.selections());
  }

  private static CudaKernels cuda(KernelMode mode, Compute compute, Path cacheFolder) {
    if (!compute.isCuda()) {
      throw new CudaUnavailableException(
          "Cannot run fused kernels: no CUDA device, the model runs on "
              + compute.device()
              + "; use --kernels auto, or --device cuda on a host with a GPU");
    }
    if (compute.dtype() != ScalarType.BFloat16 && compute.dtype() != ScalarType.Float) {
      throw new CudaUnavailableException(
          "Cannot run fused kernels: they support bf16 and float32, the model runs in "
              + KernelGuard.name(compute.dtype()));
    }
    if (!Libtorch.cudaAvailable()) {
      String problem = Libtorch.cudaProblem();
      throw new CudaUnavailableException(
          "Cannot run fused kernels: libtorch sees no GPU"
              + (problem == null ? "" : " (" + problem + ")"));
    }
    CudaKernels provider = new CudaKernels(mode, compute.gpuIndex(), cacheFolder);
    if (compute.precision() == Precision.FP8) {
      provider.fp8Linear().prepare();
    }
    if (mode == KernelMode.FUSED) {
      provider.prepare();
    }
    return provider;
  }

  private static AtenKernels aten(String reason) {
    LOG.info("Kernels: native ({})", reason);
    return new AtenKernels(reason);
  }
}
