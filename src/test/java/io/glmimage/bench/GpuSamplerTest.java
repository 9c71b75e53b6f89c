package io.glmimage.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.spark.Until;
import io.glmimage.tensor.Compute;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GpuSamplerTest {
  @TempDir private Path folder;

  @Test
  void returnsTheMeansOfAllSamplesAndEndsTheProgram() throws Exception {
    Path pid = folder.resolve("pid");
    GpuSampler sampler =
        GpuSampler.start(
            List.of(
                "sh",
                "-c",
                "echo $$ > "
                    + pid
                    + "; printf '90, 1500, 600.5\\n[N/A], 1, 2\\nno line\\n100, 1700, 700\\n';"
                    + " exec sleep 600"));
    Until.holds("two samples are read", () -> sampler.count() >= 2);
    GpuSampler.Means means = sampler.stop();
    assertEquals(2, means.count());
    assertEquals(0.95, means.busy(), 1e-9);
    assertEquals(1600, means.megahertz(), 1e-9);
    assertEquals(650.25, means.watts(), 1e-9);
    long process = Long.parseLong(Files.readString(pid).strip());
    assertFalse(ProcessHandle.of(process).map(ProcessHandle::isAlive).orElse(false));
  }

  @Test
  void withoutSamplesThereAreNoMeans() {
    assertNull(GpuSampler.start(Compute.cpu()).stop());
    assertNull(GpuSampler.start(List.of(folder + "/no-such-program")).stop());
    try (GpuSampler silent = GpuSampler.start(List.of("true"))) {
      assertTrue(silent.stop() == null);
    }
  }
}
