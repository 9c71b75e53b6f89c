package io.glmimage.pipeline;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.image.RgbImage;
import io.glmimage.kernel.KernelMode;
import io.glmimage.model.prior.PriorOptions;
import io.glmimage.pipeline.MemoryPlan.Residence;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.DeviceName;
import io.glmimage.tensor.MemoryRule;
import io.glmimage.tensor.Precision;
import io.glmimage.weights.Adapter;
import io.glmimage.weights.CheckpointFolder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Images do not depend on the memory plan. */
class WeightTurnsTest {
  private static final Path MODEL = Path.of("src/main/resources/models/glm-image-tiny");
  private static final int STEPS = 3;

  @Test
  void imagesAreTheSameAndTheDeviceHoldsTheLargerComponent() {
    MemoryNeed need = need(Precision.AUTO);

    try (GlmImagePipeline resident = load(Precision.AUTO, 0);
        GlmImagePipeline turns = load(Precision.AUTO, budget(need))) {
      assertEquals(Residence.RESIDENT, resident.memoryPlan().weights());
      assertEquals(Residence.TURNS, turns.memoryPlan().weights());
      assertEquals(need.inTurns(), turns.memoryPlan().weightBytes());
      assertTrue(need.inTurns() < need.resident());
      // The shared memory holds the larger component; the others are as before.
      long larger =
          Math.max(
              need.weights().get("transformer"), need.weights().get("vision_language_encoder"));
      assertEquals(1, (double) turns.sharedWeightBytes() / larger, 0.02);
      assertSame(edit(resident, 3), edit(turns, 3));
      // One turn for each component and batch.
      assertEquals(2, turns.weightSwitches());
      assertSame(edit(resident, 1), edit(turns, 1));
      assertEquals(4, turns.weightSwitches());
      assertEquals(0, resident.weightSwitches());
      assertTrue(turns.description().endsWith("prior and transformer in turns"));
    }
  }

  @Test
  void adaptersAreMergedOnceAndKept(@TempDir Path scratch) throws Exception {
    Path adapter = TestAdapter.write(scratch, 1);
    CheckpointFolder folder =
        CheckpointFolder.open(MODEL).withAdapters(List.of(new Adapter(adapter, "test", 1)));

    try (GlmImagePipeline plain = load(Precision.AUTO, 0);
        GlmImagePipeline resident = load(folder, Precision.AUTO, 0);
        GlmImagePipeline turns = load(folder, Precision.AUTO, budget(need(Precision.AUTO)))) {
      assertEquals(Residence.TURNS, turns.memoryPlan().weights());
      List<EditResult> changed = edit(resident, 2);
      assertSame(changed, edit(turns, 2));
      assertSame(changed, edit(turns, 2));
      assertNotEquals(digest(edit(plain, 2)), digest(changed));
    }
  }

  @Test
  void integerWeightsOfThePriorAreSmallerAndSoOnOneDevice() {
    MemoryNeed plain = need(Precision.AUTO);
    MemoryNeed integers = need(Precision.PRIOR_INT8);

    String prior = "vision_language_encoder";
    assertTrue(integers.weights().get(prior) < plain.weights().get(prior));
    assertEquals(plain.weights().get("transformer"), integers.weights().get("transformer"));
    try (GlmImagePipeline resident = load(Precision.PRIOR_INT8, 0);
        GlmImagePipeline turns = load(Precision.PRIOR_INT8, budget(integers))) {
      assertEquals(Residence.TURNS, turns.memoryPlan().weights());
      assertSame(edit(resident, 2), edit(turns, 2));
      assertTrue(resident.description().contains("prior in int8"), resident.description());
    }
  }

  @Test
  void aPromptOf100000TokensIsAFailedRowAndTheOthersAreEdited() {
    try (GlmImagePipeline resident = load(Precision.AUTO, 0);
        GlmImagePipeline turns = load(Precision.AUTO, budget(need(Precision.AUTO)))) {
      List<EditRequest> requests = new ArrayList<>(requests(2));
      requests.add(
          1, new EditRequest("long", "word ".repeat(33_334), sources(9), 64, 64, STEPS, 1.5, 3, 0));
      List<EditResult> results = turns.edit(requests);
      assertFalse(results.get(1).ok());
      String message = results.get(1).error().getMessage();
      assertTrue(message.startsWith("Cannot edit request long: its prompt has 100"), message);
      assertTrue(message.endsWith(" tokens, more than 8192; shorten it"), message);
      assertSame(edit(resident, 2), List.of(results.get(0), results.get(2)));
    }
  }

  private static MemoryNeed need(Precision precision) {
    Compute compute = Compute.cpu().withPrecision(precision);
    return MemoryNeed.of(CheckpointFolder.open(MODEL), compute, PriorOptions.defaults(compute));
  }

  /** Too little for all weights and the smallest edit, enough for turns. */
  private static long budget(MemoryNeed need) {
    return need.inTurns() + need.small().countedInPhases();
  }

  private static GlmImagePipeline load(Precision precision, long budget) {
    return load(CheckpointFolder.open(MODEL), precision, budget);
  }

  private static GlmImagePipeline load(CheckpointFolder folder, Precision precision, long budget) {
    return GlmImagePipeline.load(
        folder, DeviceName.CPU, precision, KernelMode.AUTO, MemoryRule.STANDARD.withBudget(budget));
  }

  private static List<EditResult> edit(GlmImagePipeline pipeline, int rows) {
    return pipeline.edit(requests(rows));
  }

  private static List<EditRequest> requests(int rows) {
    List<EditRequest> requests = new ArrayList<>();
    for (int i = 0; i < rows; i++) {
      requests.add(
          new EditRequest("row " + i, "make it red", sources(i), 64, 96, STEPS, 1.5, i, 0));
    }
    return requests;
  }

  private static List<RgbImage> sources(int seed) {
    byte[] pixels = new byte[64 * 96 * 3];
    new Random(seed).nextBytes(pixels);
    return List.of(new RgbImage(64, 96, pixels));
  }

  private static void assertSame(List<EditResult> expected, List<EditResult> actual) {
    assertEquals(expected.size(), actual.size());
    for (int i = 0; i < expected.size(); i++) {
      assertTrue(expected.get(i).ok(), () -> "failed: " + expected);
      assertTrue(actual.get(i).ok(), () -> "failed: " + actual);
      assertArrayEquals(expected.get(i).image().pixels(), actual.get(i).image().pixels());
    }
  }

  private static int digest(List<EditResult> results) {
    return results.stream()
        .map(result -> Arrays.hashCode(result.image().pixels()))
        .toList()
        .hashCode();
  }
}
