package io.glmimage.pipeline;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.DeviceException;
import io.glmimage.io.LocalFileSource;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.GpuPool;
import io.glmimage.weights.CheckpointFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MemoryCheckTest {
  private static Path model;
  private static CheckpointReport.Memory memory;

  @BeforeAll
  static void writePublishedCheckpoint(@TempDir Path temporary) throws IOException {
    model = PublishedFolder.write(temporary.resolve("published"));
    memory =
        CheckpointInspector.inspect(
                new LocalFileSource(model),
                List.of(),
                Files.createDirectory(temporary.resolve("scratch")))
            .memory();
  }

  @Test
  void aModelThatJustFitsIsLoaded() {
    assertDoesNotThrow(() -> check(Compute.cpu(), memory.float32()));
  }

  @Test
  void aModelThatCannotFitIsRefusedWithBothFigures() {
    DeviceException failure =
        assertThrows(DeviceException.class, () -> check(Compute.cpu(), memory.float32() - 1));

    assertTrue(failure.getMessage().startsWith("Cannot load model " + model), failure.getMessage());
    assertTrue(failure.getMessage().contains(" on cpu: its weights need "), failure.getMessage());
    assertTrue(failure.getMessage().contains(" GB in float32, and "), failure.getMessage());
    assertTrue(failure.getMessage().contains("run fewer executors"), failure.getMessage());
  }

  @Test
  void theWayOutOnAGpuIsTheGpus() {
    Compute gpu = Compute.cuda(0);

    String message =
        assertThrows(DeviceException.class, () -> check(gpu, 24_000_000_000L)).getMessage();
    assertTrue(message.contains(" on cuda:0: "), message);
    assertTrue(message.contains("GB in bfloat16, and 24.0 GB of memory is free."), message);
    assertTrue(message.contains("spark.rapids.memory.gpu.allocFraction"), message);
    assertTrue(message.contains("--precision fp8"), message);
  }

  @Test
  void unknownMemoryRefusesNothing() {
    assertDoesNotThrow(
        () -> MemoryCheck.check(CheckpointFolder.open(model), Compute.cpu(), OptionalLong.empty()));
  }

  @Test
  void theNeedIsThatOfTheInspection() {
    long need = memory.bfloat16();
    Compute gpu = Compute.cuda(0);

    assertDoesNotThrow(() -> check(gpu, need));
    assertThrows(DeviceException.class, () -> check(gpu, need - 1));
  }

  private static void check(Compute compute, long free) {
    MemoryCheck.check(CheckpointFolder.open(model), compute, OptionalLong.of(free));
  }

  @Test
  void whatAPoolMayTakeLaterIsNotFree() {
    OptionalLong total = OptionalLong.of(80_000);
    GpuPool pool = new GpuPool(1, 0.5, 1000);

    assertEquals(OptionalLong.of(41_000), MemoryCheck.free(OptionalLong.of(70_000), total, pool));
    assertEquals(OptionalLong.of(9_000), MemoryCheck.free(OptionalLong.of(9_000), total, pool));
    assertEquals(OptionalLong.of(70_000), MemoryCheck.free(OptionalLong.of(70_000), total, null));
  }
}
