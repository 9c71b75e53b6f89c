package io.glmimage.pipeline;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.DeviceException;
import io.glmimage.image.PixelSize;
import io.glmimage.io.LocalFileSource;
import io.glmimage.model.prior.PriorOptions;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.GpuPool;
import io.glmimage.tensor.MemoryRule;
import io.glmimage.tensor.Precision;
import io.glmimage.weights.CheckpointFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;
import java.util.function.Function;
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

  /** Bytes of the counted buffers of the smallest edit, one row alone. */
  private static long smallest(Function<CheckpointReport.Working, WorkingMemory> of) {
    return of.apply(memory.working().get(0)).counted();
  }

  @Test
  void aModelThatJustFitsIsLoaded() {
    long need = memory.float32() + smallest(CheckpointReport.Working::cpu);

    assertDoesNotThrow(() -> check(Compute.cpu(), need));
    assertThrows(DeviceException.class, () -> check(Compute.cpu(), need - 1));
  }

  @Test
  void aModelThatCannotFitIsRefusedWithAllFigures() {
    String message =
        assertThrows(DeviceException.class, () -> check(Compute.cpu(), memory.float32()))
            .getMessage();

    assertTrue(message.startsWith("Cannot load model " + model), message);
    assertTrue(message.contains(" on cpu: its weights need 70.6 GB in float32"), message);
    assertTrue(
        message.contains("the smallest edit (512 x 512 pixels) 3.7 GB more, and 70.6 GB of memory"),
        message);
    assertTrue(message.contains("run fewer executors"), message);
  }

  @Test
  void withoutTheCheckAnyModelIsLoaded() {
    CheckpointFolder folder = CheckpointFolder.open(model);
    MemoryRule off = new MemoryRule(false, null, 0);

    assertDoesNotThrow(
        () ->
            MemoryCheck.plan(
                folder,
                Compute.cpu(),
                PriorOptions.defaults(Compute.cpu()),
                off,
                () -> {
                  throw new AssertionError("free memory is not asked for");
                }));
    assertThrows(DeviceException.class, () -> check(Compute.cpu(), 1));
  }

  @Test
  void theWayOutOnAGpuIsTheGpus() {
    Compute gpu = Compute.cuda(0);

    String message =
        assertThrows(DeviceException.class, () -> check(gpu, 24_000_000_000L)).getMessage();
    assertTrue(message.contains(" on cuda:0: "), message);
    assertTrue(message.contains("GB in bfloat16, the smallest edit (512 x 512 pixels) "), message);
    assertTrue(message.contains(" GB more, and 24.0 GB of memory is free."), message);
    assertTrue(message.contains("spark.rapids.memory.gpu.allocFraction"), message);
    assertTrue(message.contains("--precision fp8"), message);
  }

  @Test
  void unknownMemoryRefusesNothing() {
    assertDoesNotThrow(
        () ->
            MemoryCheck.plan(
                CheckpointFolder.open(model),
                Compute.cpu(),
                PriorOptions.defaults(Compute.cpu()),
                MemoryRule.STANDARD,
                OptionalLong::empty));
  }

  @Test
  void theNeedIsThatOfTheInspection() {
    Compute gpu = Compute.cuda(0);
    for (Precision precision : List.of(Precision.AUTO, Precision.FP8)) {
      long weights = precision == Precision.FP8 ? memory.fp8() : memory.bfloat16();
      long need = weights + smallest(CheckpointReport.Working::gpuAlone);

      assertDoesNotThrow(() -> check(gpu.withPrecision(precision), need));
      assertThrows(DeviceException.class, () -> check(gpu.withPrecision(precision), need - 1));
    }
  }

  /** 48.6 GB in bfloat16 and 34.6 GB in fp8 were in use on an H100 by edits of 1024 x 1024. */
  @Test
  void theEstimateIsWhatWasMeasured() {
    CheckpointReport.Working medium = memory.working().get(1);

    assertEquals(new PixelSize(1024, 1024), medium.size());
    assertEquals(48.6, (memory.bfloat16() + medium.gpu().bytes()) / 1e9, 0.5);
    assertEquals(34.6, (memory.fp8() + medium.gpu().bytes()) / 1e9, 0.5);
  }

  private static MemoryPlan plan(Compute compute, MemoryRule rule, long free) {
    return MemoryCheck.plan(
        CheckpointFolder.open(model),
        compute,
        PriorOptions.defaults(compute),
        rule,
        () -> OptionalLong.of(free));
  }

  private static void check(Compute compute, long free) {
    plan(compute, MemoryRule.STANDARD, free);
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
