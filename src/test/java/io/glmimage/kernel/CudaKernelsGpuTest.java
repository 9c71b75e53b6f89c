package io.glmimage.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import io.glmimage.tensor.Compute;
import io.glmimage.tensor.RequiredGpu;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** {@link CudaKernelCheck} under JUnit, and the choice of kernels on a GPU. */
@Tag("gpu")
class CudaKernelsGpuTest {
  @BeforeEach
  void gpu() {
    RequiredGpu.orSkip();
  }

  @TestFactory
  Stream<DynamicTest> everyKernelMatchesLibtorch(@TempDir Path cache) {
    CudaKernels kernels = new CudaKernels(KernelMode.FUSED, 0, cache);
    return new CudaKernelCheck(kernels)
        .checks().stream().map(check -> DynamicTest.dynamicTest(check.name(), check::run));
  }

  @Test
  void everyOperationRunsFusedWithoutBeingForced(@TempDir Path cache) {
    Compute compute = Compute.cuda(0);
    assertInstanceOf(CudaKernels.class, Kernels.provider(KernelMode.AUTO, compute, cache));
    List<KernelSelection> selections = Kernels.tryAll(0, cache);
    assertEquals(
        List.of(),
        selections.stream()
            .filter(selection -> !selection.fused())
            // What depends on the GPU's compute capability.
            .filter(selection -> !selection.reason().contains("compute capability 9.0"))
            .filter(selection -> !selection.reason().equals("the GPU does not support fp8"))
            .toList());
  }
}
