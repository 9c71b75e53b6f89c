package io.glmimage.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.job.CheckGpu;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class CudaAdviceTest {
  @Test
  void aMissingLibraryIsNamedTogetherWithItsPackage() {
    assertAdvice("libcuda.so.1", "driver for CUDA 13 (580 or later)");
    assertAdvice("libcudart.so.13", "cuda-libraries-13-1");
    assertAdvice("libcublasLt.so.13", "cuda-libraries-13-1");
    assertAdvice("libcudnn.so.9", "libcudnn9-cuda-13");
    assertAdvice("libnccl.so.2", "libnccl2");
    assertAdvice("libcupti.so.13", "cuda-cupti-13-1");
    assertAdvice("libcusparseLt.so.0", "libcusparselt0");
    assertAdvice("libnvshmem_host.so.3", "libnvshmem3");
  }

  private static void assertAdvice(String library, String install) {
    String advice =
        CudaAdvice.of(
            "/home/spark/.javacpp/cache/x/libjnitorch_cuda.so: "
                + library
                + ": cannot open shared object file: No such file or directory");
    assertTrue(advice.startsWith(library + " is missing on this host; install "), advice);
    assertTrue(advice.contains(install), advice);
  }

  @Test
  void aCpuBuildAndAMissingDriverHaveDifferentAdvice() {
    assertTrue(
        CudaAdvice.of("no jnicudart in java.library.path: /usr/lib").contains("profile gpu"));
    assertTrue(CudaAdvice.of(null).contains("install NVIDIA's driver"));
    assertTrue(
        CudaAdvice.of("wrong ELF class").contains("(wrong ELF class); run jobs/check-gpu.sh"));
  }

  @Test
  void aLibtorchThatDoesNotLoadIsExplainedEveryTime() throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Dorg.bytedeco.javacpp.platform=linux-none",
                "-cp",
                System.getProperty("java.class.path"),
                CheckGpu.class.getName())
            .redirectErrorStream(true)
            .start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(1, process.waitFor(), said);
    assertTrue(said.startsWith("cannot use CUDA: Cannot load libtorch: "), said);
    assertNotEquals(-1, said.indexOf("in java.library.path"), said);
  }
}
