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
                },
                () -> 0));
    assertThrows(DeviceException.class, () -> check(Compute.cpu(), 1));
  }

  @Test
  void theWayOutOnAGpuIsTheGpus() {
    Compute gpu = Compute.cuda(0);

    String message =
        assertThrows(DeviceException.class, () -> check(gpu, 20_000_000_000L)).getMessage();
    assertTrue(message.contains(" on cuda:0: "), message);
    assertTrue(message.contains("GB in bfloat16, the smallest edit (512 x 512 pixels) "), message);
    assertTrue(message.contains(" GB more, and 20.0 GB of memory is free."), message);
    assertTrue(message.contains("spark.rapids.memory.gpu.allocFraction"), message);
    assertTrue(
        message.contains("With prior and transformer in turns, weights and edit need 22.6 GB"),
        message);
    assertTrue(message.contains("--precision prior-int8 needs less memory on every GPU"), message);
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
                OptionalLong::empty,
                () -> 0));
  }

  @Test
  void theNeedIsThatOfTheInspection() {
    Compute gpu = Compute.cuda(0);
    for (Precision precision : List.of(Precision.AUTO, Precision.FP8)) {
      long need =
          memory.needs().get(precision).inTurns()
              + memory.working().get(0).gpuAlone().countedInPhases();

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

  private static MemoryPlan plan(Compute compute, MemoryRule rule, long free, long host) {
    return MemoryCheck.plan(
        CheckpointFolder.open(model),
        compute,
        PriorOptions.defaults(compute),
        rule,
        () -> OptionalLong.of(free),
        () -> host);
  }

  private static void check(Compute compute, long free) {
    plan(compute, MemoryRule.STANDARD, free, Long.MAX_VALUE);
  }

  @Test
  void thePlanDependsOnTheCard() {
    assertEquals("RESIDENT 32 true", planOf(Precision.AUTO, 80));
    assertEquals("TURNS 32 true", planOf(Precision.AUTO, 46));
    assertEquals("TURNS 32 true", planOf(Precision.AUTO, 38));
    assertEquals("TURNS 32 false", planOf(Precision.AUTO, 30));
    assertEquals("TURNS 32 false", planOf(Precision.PRIOR_INT8, 22));
    assertEquals("RESIDENT 32 true", planOf(Precision.FP8, 38));
    assertEquals("TURNS 32 false", planOf(Precision.FP8, 22));
    assertThrows(DeviceException.class, () -> planOf(Precision.AUTO, 22));
    assertTrue(memory.needs().get(Precision.AUTO).host() > 34e9);
  }

  private static String planOf(Precision precision, long gigabytes) {
    MemoryRule rule = MemoryRule.STANDARD.withBudget(gigabytes * 1_000_000_000L);
    MemoryPlan plan =
        plan(Compute.cuda(0).withPrecision(precision), rule, 80_000_000_000L, Long.MAX_VALUE);
    assertTrue(plan.fits(), plan.toString());
    return plan.weights() + " " + plan.rows() + " " + plan.keepsCache();
  }

  @Test
  void withoutHostMemoryForTurnsTheModelIsRefusedWithThatFigure() {
    String message =
        assertThrows(
                DeviceException.class,
                () -> plan(Compute.cuda(0), MemoryRule.STANDARD, 30_000_000_000L, 20_000_000_000L))
            .getMessage();

    assertTrue(
        message.contains(
            "Prior and transformer cannot take turns: that needs 34.2 GB of host memory, and 20.0"
                + " GB is free"),
        message);
  }

  @Test
  void thePlanSaysItsNumbers() {
    String text =
        plan(Compute.cuda(0), MemoryRule.STANDARD, 40_000_000_000L, Long.MAX_VALUE).toString();

    assertEquals(
        "prior and transformer take turns on the device: 21.6 GB of weights, about 13.3 GB for edits"
            + " of 1024 x 1024 pixels, 40.0 GB available; 34.2 GB of weights in host memory; the"
            + " prior decodes 32 rows at a time",
        text);
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
