package io.glmimage.tensor;

import org.bytedeco.javacpp.Loader;
import org.bytedeco.pytorch.global.torch;

/** Loads libtorch once a process and tells what it can run on. */
public final class Libtorch {
  static {
    // JavaCPP counts memory-mapped weights as "physical memory in use" and would refuse to
    // allocate.
    if (System.getProperty("org.bytedeco.javacpp.maxPhysicalBytes") == null) {
      System.setProperty("org.bytedeco.javacpp.maxPhysicalBytes", "0");
    }
    if (System.getProperty("org.bytedeco.javacpp.maxBytes") == null) {
      System.setProperty("org.bytedeco.javacpp.maxBytes", "0");
    }
    loadCuda();
    Loader.load(torch.class);
  }

  private static String cudaProblem;

  private Libtorch() {}

  /** Makes sure that the native library is loaded; calls after the first cost nothing. */
  public static void load() {
    // The class initialiser has done it.
  }

  /** Whether libtorch sees a CUDA device that it can use. */
  public static boolean cudaAvailable() {
    return torch.cuda_is_available();
  }

  /** How many CUDA devices libtorch sees, after {@code CUDA_VISIBLE_DEVICES}. */
  public static int cudaDevices() {
    return cudaAvailable() ? torch.cuda_device_count() : 0;
  }

  /** Why CUDA could not be loaded, or null where it was loaded or is not part of this libtorch. */
  public static String cudaProblem() {
    return cudaProblem;
  }

  private static void loadCuda() {
    // The CUDA half must come first, or cuda_is_available() says false with the GPU library too.
    try {
      Loader.load(org.bytedeco.pytorch.global.torch_cuda.class);
    } catch (UnsatisfiedLinkError | NoClassDefFoundError e) {
      cudaProblem = String.valueOf(e.getMessage());
    }
  }
}
