package io.glmimage.tensor;

import io.glmimage.error.DeviceException;
import io.glmimage.natives.NativeLibraries;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.Set;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.javacpp.SizeTPointer;
import org.bytedeco.openblas.presets.openblas_nolapack;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.BlasBackend;
import org.bytedeco.pytorch.global.torch_cuda;

/** Loads libtorch once a process and tells what it can run on. */
public final class Libtorch {
  static {
    try {
      NativeLibraries.load(
          () -> {
            loadCuda();
            Loader.load(torch.class);
          });
      // OpenBLAS has a thread pool of its own beside libtorch's: on small products its threads only
      // wait for each other (measured: ten times the CPU time on a busy machine), and its sums must
      // not depend on the number of cores.
      openblas_nolapack.blas_set_num_threads(1);
      if (torch.cuda_is_available()) {
        // Of libtorch's two libraries for products the one that chooses better for few rows; for
        // many they are equal.
        torch.globalContext().setBlasPreferredBackend(BlasBackend.Cublaslt);
      }
    } catch (LinkageError e) {
      // Thrown from here, the second user would only hear that this class cannot be initialised.
      problem = e;
    }
  }

  private static LinkageError problem;
  private static String cudaProblem;

  private Libtorch() {}

  /**
   * Makes sure that the native library is loaded; calls after the first cost nothing.
   *
   * @throws DeviceException if it cannot be loaded: in a build for GPUs also where one of CUDA's
   *     libraries is missing
   */
  public static void load() {
    if (problem != null) {
      throw new DeviceException("Cannot load libtorch: " + CudaAdvice.of(words(problem)), problem);
    }
  }

  /** Whether libtorch sees a CUDA device that it can use. */
  public static boolean cudaAvailable() {
    load();
    return torch.cuda_is_available();
  }

  /** The messages of a chain of failed loads and class initialisers: one names the library. */
  private static String words(Throwable e) {
    Set<String> words = new LinkedHashSet<>();
    for (Throwable t = e; t != null; t = t.getCause()) {
      words.add(String.valueOf(t.getMessage()));
    }
    return String.join("; ", words);
  }

  /**
   * Where native libraries are unpacked on this host, for one user; also the place of what is
   * compiled from them.
   *
   * @throws UncheckedIOException if it cannot be made
   */
  public static Path cacheFolder() {
    return NativeLibraries.cacheFolder();
  }

  /** Waits until the GPU has done all it was given, where there is one. */
  public static void synchronize() {
    if (cudaAvailable()) {
      torch_cuda.device_synchronize();
    }
  }

  /**
   * Bytes of the current GPU's memory that are in use, by this process or another; 0 without one.
   */
  public static long gpuMemoryInUse() {
    if (!cudaAvailable()) {
      return 0;
    }
    SizeTPointer free = new SizeTPointer(1);
    SizeTPointer total = new SizeTPointer(1);
    int code = cudart.cudaMemGetInfo(free, total);
    if (code != cudart.cudaSuccess) {
      throw new IllegalStateException(
          "Cannot read the GPU's memory: " + cudart.cudaGetErrorString(code).getString());
    }
    return total.get() - free.get();
  }

  /** The PCI address of a GPU, by which all of the driver's programs know it. */
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

  /** How many CUDA devices libtorch sees, after {@code CUDA_VISIBLE_DEVICES}. */
  public static int cudaDevices() {
    return cudaAvailable() ? Math.toIntExact(torch.cuda_device_count()) : 0;
  }

  /** Bytes of a GPU that libtorch's allocator holds, in use or kept for the next tensor. */
  static long reservedBytes(int index) {
    try (PointerScope scope = new PointerScope()) {
      // The first of the statistics is that of all pools together.
      return torch_cuda.getAllocator().getDeviceStats((byte) index).reserved_bytes().current();
    }
  }

  /** How often libtorch's allocator did not get what it was asked for on a GPU. */
  static long shortages(int index) {
    try (PointerScope scope = new PointerScope()) {
      return torch_cuda.getAllocator().getDeviceStats((byte) index).num_ooms();
    }
  }

  /** Why CUDA could not be loaded, or null where it was loaded or is not part of this libtorch. */
  public static String cudaProblem() {
    return cudaProblem;
  }

  private static void loadCuda() {
    // The CUDA half must come first, or cuda_is_available() says false with the GPU library too.
    try {
      Loader.load(torch_cuda.class);
    } catch (UnsatisfiedLinkError | NoClassDefFoundError e) {
      cudaProblem = words(e);
    }
  }
}
