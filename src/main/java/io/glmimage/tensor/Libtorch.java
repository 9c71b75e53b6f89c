package io.glmimage.tensor;

import io.glmimage.error.DeviceException;
import io.glmimage.natives.NativeLibraries;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.function.LongBinaryOperator;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.javacpp.SizeTPointer;
import org.bytedeco.openblas.presets.openblas_nolapack;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.BlasBackend;
import org.bytedeco.pytorch.global.torch_cuda;

/** Loads libtorch once per process, and answers what it can run on. */
public final class Libtorch {
  /**
   * libtorch's setting: cuDNN's plans of convolutions that each thread keeps, 10,000 by default.
   */
  private static final String CONVOLUTION_PLANS = "TORCH_CUDNN_V8_API_LRU_CACHE_LIMIT";

  /**
   * An image size has about 50 different convolutions. libtorch estimates 0.2 MB of the host's
   * memory for a plan, so that its default would take 2 GB.
   */
  private static final String CONVOLUTION_PLANS_KEPT = "2000";

  static {
    try {
      NativeLibraries.load(
          () -> {
            loadCuda();
            Loader.load(torch.class);
          });
      // OpenBLAS has a thread pool in addition to libtorch's. In small products its threads mostly
      // wait for each other (measured: ten times the CPU time on a busy machine). Also, sums must
      // not depend on the number of cores.
      openblas_nolapack.blas_set_num_threads(1);
      if (torch.cuda_is_available()) {
        // libtorch has two libraries for matrix products. cuBLASLt picks better kernels for few
        // rows; for many rows they are equal.
        torch.globalContext().setBlasPreferredBackend(BlasBackend.Cublaslt);
        // libtorch reads the limit at the first convolution. It does not replace one that is set.
        torch.set_env(CONVOLUTION_PLANS, CONVOLUTION_PLANS_KEPT, /* overwrite= */ false);
      }
    } catch (LinkageError | UncheckedIOException e) {
      // If it were thrown here, later callers would only get a NoClassDefFoundError.
      problem = e;
    }
  }

  private static Throwable problem;
  private static String cudaProblem;

  private Libtorch() {}

  /**
   * Makes sure that the native library is loaded. Only the first call takes time.
   *
   * @throws DeviceException if it cannot be loaded. In a GPU build, a missing CUDA library is
   *     enough
   */
  public static void load() {
    if (problem != null) {
      throw new DeviceException("Cannot load libtorch: " + advice(words(problem)), problem);
    }
  }

  private static String advice(String words) {
    if (problem instanceof UncheckedIOException) {
      return problem.getMessage();
    }
    // Only the first failure of a library has its reason.
    return NativeLibraries.folderProblem(words + "; " + cudaProblem)
        .orElseGet(() -> CudaAdvice.of(words));
  }

  /** Whether libtorch sees a CUDA device that it can use. */
  public static boolean cudaAvailable() {
    load();
    return torch.cuda_is_available();
  }

  /**
   * All messages of a chain of failed loads and class initialisers; one of them names the library.
   */
  private static String words(Throwable e) {
    Set<String> words = new LinkedHashSet<>();
    for (Throwable t = e; t != null; t = t.getCause()) {
      words.add(String.valueOf(t.getMessage()));
    }
    return String.join("; ", words);
  }

  /**
   * The folder of this host and user where native libraries are unpacked. Compiled kernels are kept
   * below it.
   *
   * @throws UncheckedIOException if it cannot be created
   */
  public static Path cacheFolder() {
    return NativeLibraries.cacheFolder();
  }

  /** Waits until the current GPU has finished all work; does nothing without a GPU. */
  public static void synchronize() {
    if (cudaAvailable()) {
      torch_cuda.device_synchronize();
    }
  }

  /** Whether a GPU finishes its work without an error. Makes it the thread's current GPU. */
  static boolean answers(int index) {
    // A refused call leaves its error here. It does not concern the device.
    cudart.cudaGetLastError();
    return cudart.cudaSetDevice(index) == cudart.cudaSuccess
        && cudart.cudaDeviceSynchronize() == cudart.cudaSuccess;
  }

  /** Bytes of the current GPU's memory that are in use, by any process; 0 without a GPU. */
  public static long gpuMemoryInUse() {
    return cudaAvailable() ? gpuMemory((free, total) -> total - free) : 0;
  }

  /** Bytes of the current GPU's memory that no process has reserved. */
  static long gpuMemoryFree() {
    return gpuMemory((free, total) -> free);
  }

  /** Bytes of the current GPU's memory. */
  static long gpuMemoryTotal() {
    return gpuMemory((free, total) -> total);
  }

  private static long gpuMemory(LongBinaryOperator ofFreeAndTotal) {
    SizeTPointer free = new SizeTPointer(1);
    SizeTPointer total = new SizeTPointer(1);
    int code = cudart.cudaMemGetInfo(free, total);
    if (code != cudart.cudaSuccess) {
      throw new IllegalStateException(
          "Cannot read the GPU's memory: " + cudart.cudaGetErrorString(code).getString());
    }
    return ofFreeAndTotal.applyAsLong(free.get(), total.get());
  }

  /** The PCI address of a GPU, which identifies it in all of the driver's programs. */
  public static String gpuBusId(int index) {
    byte[] name = new byte[32];
    int code = cudart.cudaDeviceGetPCIBusId(name, name.length, index);
    if (code != cudart.cudaSuccess) {
      throw new IllegalStateException(
          "Cannot read the address of GPU "
              + index
              + ": "
              + cudart.cudaGetErrorString(code).getString());
    }
    return new String(name, StandardCharsets.US_ASCII).replace("\0", "");
  }

  /** The versions of libtorch and, if it can be used, of CUDA and its driver. */
  public static String versions() {
    load();
    String libtorch = "libtorch " + presetsVersion();
    if (!cudaAvailable()) {
      return libtorch + (cudaProblem == null ? "" : " without CUDA");
    }
    try (PointerScope scope = new PointerScope()) {
      IntPointer driver = new IntPointer(1);
      IntPointer runtime = new IntPointer(1);
      cudart.cudaDriverGetVersion(driver);
      cudart.cudaRuntimeGetVersion(runtime);
      return libtorch
          + ", CUDA "
          + cudaVersion(runtime.get())
          + ", driver for CUDA "
          + cudaVersion(driver.get());
    }
  }

  /** PyTorch's version and that of its presets, such as "2.10.0-1.5.13". */
  private static String presetsVersion() {
    try {
      return Loader.getVersion("org.bytedeco", "pytorch");
    } catch (IOException e) {
      return "of unknown version"; // A jar that was assembled without Maven's properties.
    }
  }

  /** From 1000 * major + 10 * minor. */
  private static String cudaVersion(int number) {
    return number / 1000 + "." + number % 1000 / 10;
  }

  /** The number of CUDA devices that libtorch sees, subject to {@code CUDA_VISIBLE_DEVICES}. */
  public static int cudaDevices() {
    return cudaAvailable() ? Math.toIntExact(torch.cuda_device_count()) : 0;
  }

  /** Bytes of a GPU that libtorch's allocator holds, in use or cached. */
  static long reservedBytes(int index) {
    try (PointerScope scope = new PointerScope()) {
      // The first statistic is that of all pools together.
      return torch_cuda.getAllocator().getDeviceStats((byte) index).reserved_bytes().current();
    }
  }

  /** The number of failed allocations on a GPU. */
  static long shortages(int index) {
    try (PointerScope scope = new PointerScope()) {
      return torch_cuda.getAllocator().getDeviceStats((byte) index).num_ooms();
    }
  }

  /** Why CUDA could not be loaded, or null if it was. */
  public static String cudaProblem() {
    return cudaProblem;
  }

  private static void loadCuda() {
    // The CUDA half must be loaded first, or cuda_is_available() is false in the GPU build too.
    try {
      Loader.load(torch_cuda.class);
    } catch (UnsatisfiedLinkError | NoClassDefFoundError e) {
      cudaProblem = words(e);
    }
  }
}
