package io.glmimage.tensor;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Explains why libtorch cannot use a GPU, and what to install. */
public final class CudaAdvice {
  /** Packages of NVIDIA's repositories for Debian and Ubuntu, by the start of a library's name. */
  private static final Map<String, String> PACKAGES = new LinkedHashMap<>();

  static {
    PACKAGES.put("libcuda.so", "NVIDIA's driver for CUDA 13 (580 or later)");
    PACKAGES.put("libnvidia-", "NVIDIA's driver for CUDA 13 (580 or later)");
    PACKAGES.put("libcudnn", "cuDNN 9 (libcudnn9-cuda-13)");
    PACKAGES.put("libnccl", "NCCL 2 (libnccl2)");
    PACKAGES.put("libcupti", "CUPTI of CUDA 13 (cuda-cupti-13-1)");
    PACKAGES.put("libcusparseLt", "cuSPARSELt (libcusparselt0-cuda-13)");
    PACKAGES.put("libnvshmem", "NVSHMEM 3 (libnvshmem3-cuda-13)");
    PACKAGES.put("lib", "the libraries of CUDA 13 (cuda-libraries-13-1)");
  }

  private static final Pattern LIBRARY =
      Pattern.compile("(lib[A-Za-z0-9_+-]+\\.so[.0-9]*): cannot open shared object file");

  /** JavaCPP's message if a native library is not on the class path. */
  private static final Pattern NOT_BUILT_IN =
      Pattern.compile("no jni(cu|nv|nccl|torch_cuda)[a-z_]* in java\\.library\\.path");

  private CudaAdvice() {}

  /**
   * The explanation, as the last clause of a message.
   *
   * @param problem why CUDA could not be loaded, or null if it is loaded but finds no device
   */
  public static String of(String problem) {
    if (problem == null) {
      return "libtorch finds no GPU that it can use; install NVIDIA's driver for CUDA 13 (580 or"
          + " later) on this host, and check that CUDA_VISIBLE_DEVICES names an existing GPU";
    }
    Matcher library = LIBRARY.matcher(problem);
    if (library.find()) {
      String name = library.group(1);
      String missing =
          PACKAGES.entrySet().stream()
              .filter(known -> name.startsWith(known.getKey()))
              .findFirst()
              .orElseThrow()
              .getValue();
      return name
          + " is missing on this host; install "
          + missing
          + ", or add the library's folder to LD_LIBRARY_PATH";
    }
    if (NOT_BUILT_IN.matcher(problem).find()) {
      return "this build computes on the CPU only; build with the Maven profile gpu, or put"
          + " org.bytedeco:pytorch with the classifier linux-x86_64-gpu on the class path";
    }
    return "libtorch's CUDA part cannot be loaded ("
        + problem
        + "); run jobs/check-gpu.sh to see what is missing";
  }
}
