package io.glmimage.kernel;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.glmimage.tensor.Libtorch;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** {@link CudaKernelCheck} under JUnit. */
@Tag("gpu")
class CudaKernelsGpuTest {
  @TestFactory
  Stream<DynamicTest> everyKernelMatchesLibtorch(@TempDir Path cache) {
    Libtorch.load();
    assumeTrue(Libtorch.cudaAvailable(), "there is no GPU here to run CUDA kernels on");
    CudaKernels kernels = new CudaKernels(KernelMode.FUSED, 0, cache);
    return new CudaKernelCheck(kernels)
        .checks().stream().map(check -> DynamicTest.dynamicTest(check.name(), check::run));
  }
}
