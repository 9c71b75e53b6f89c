package io.glmimage.model.prior;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.golden.Goldens;
import io.glmimage.model.Grid;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.GpuHog;
import io.glmimage.tensor.RequiredGpu;
import io.glmimage.weights.CheckpointFolder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The prior on a GPU whose memory another process takes and gives back. */
@Tag("gpu")
class PriorMemoryGpuTest {
  private static final Path MODEL = Path.of("src/main/resources/models/glm-image-tiny");
  private static final int ROWS = PriorOptions.GPU_SLOTS;

  /** Every slot has room for the longest prompt, so a cache takes some hundred megabytes. */
  private static final int LONGEST = 8000;

  /** The model's first id that is not of an image. */
  private static final int FIRST_TEXT = 1040;

  private static final int HOLD_SECONDS = 120;

  @Test
  void fewerRowsAreDecodedUntilAnotherProcessGivesBackMemory() throws Exception {
    RequiredGpu.orSkip();
    Compute compute = Compute.cuda(0);
    List<PriorPrompt> rows = rows();
    try (PriorModel model =
        PriorModel.load(CheckpointFolder.open(MODEL), compute, Goldens.kernels(compute))) {
      List<int[]> expected = model.generate(rows);
      assertEquals(ROWS, model.slots());
      model.releaseCache();
      compute.releaseCachedMemory();

      // Too little for GPU_ROWS, and enough for half of them.
      long usual = 2 * model.cacheValues(PriorOptions.GPU_ROWS, LONGEST);
      Process other = GpuHog.start(compute.gpuIndex(), usual * 3 / 4, HOLD_SECONDS);
      try {
        assertSame(expected, model.generate(rows));
        assertTrue(model.slots() < PriorOptions.GPU_ROWS, model.slots() + " rows at a time");
      } finally {
        other.destroy();
        other.waitFor();
      }

      assertSame(expected, model.generate(rows));
      assertEquals(ROWS, model.slots());
    }
  }

  private static void assertSame(List<int[]> expected, List<int[]> actual) {
    assertEquals(expected.size(), actual.size());
    for (int i = 0; i < expected.size(); i++) {
      assertArrayEquals(expected.get(i), actual.get(i), "row " + i);
    }
  }

  /** Text-to-image rows. The first prompt is the longest. */
  private static List<PriorPrompt> rows() {
    Random random = new Random(3);
    List<PriorPrompt> rows = new ArrayList<>();
    for (int i = 0; i < ROWS; i++) {
      int length = i == 0 ? LONGEST : 1 + random.nextInt(60);
      int[] ids = random.ints(length, FIRST_TEXT, FIRST_TEXT + 256).toArray();
      List<Grid> grids = List.of(new Grid(3, 3), new Grid(4, 4));
      rows.add(new PriorPrompt(ids, List.of(), List.of(), grids, random.nextLong()));
    }
    return rows;
  }
}
