package io.glmimage.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.UsageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import org.junit.jupiter.api.Test;

class GpuCostTest {
  private static final double MEGAPIXEL = 1024 * 1024 / 1e6;
  private static final RowWork MEASURED = new RowWork(MEGAPIXEL, MEGAPIXEL, 50, 0, 2);

  private static RowWork cached(double threshold) {
    return new RowWork(MEGAPIXEL, MEGAPIXEL, 50, threshold, 2);
  }

  @Test
  void aRowOfTheMeasuredSizeCostsWhatWasMeasured() {
    assertEquals(11.17, GpuCost.of("h100.bf16").seconds(MEASURED), 1e-9);
    assertEquals(7.98, GpuCost.of("H100.fp8").seconds(MEASURED), 1e-9);
    assertEquals(3.23, GpuCost.of("h100.bf16").seconds(cached(0.1)), 1e-9);
    assertTrue(GpuCost.of("h100.bf16").isMeasured(MEASURED));
    assertTrue(GpuCost.of("h100.bf16").isMeasured(cached(0.1)));
    assertFalse(GpuCost.of("h100.fp8").isMeasured(cached(0.1)));
    assertFalse(GpuCost.of("h100.bf16").isMeasured(cached(0.2)));
  }

  /** The figures that come with the program are those of the documentation. */
  @Test
  void theFiguresAreThoseOfTheBenchmarks() throws IOException {
    String benchmarks = Files.readString(Path.of("src/site/markdown/benchmarks.md"));
    GpuCost bf16 = GpuCost.of("h100.bf16");
    GpuCost fp8 = GpuCost.of("h100.fp8");
    String edit = line(benchmarks, "| one edit, per image of 16, 50 steps |");
    assertTrue(
        edit.startsWith(String.format(Locale.ROOT, " **%.2f s** |", bf16.rowSeconds())), edit);
    assertTrue(edit.contains(String.format(Locale.ROOT, "| **%.2f s** |", fp8.rowSeconds())), edit);
    String step = line(benchmarks, "| DiT, guided step (both branches) |");
    assertTrue(step.startsWith(String.format(Locale.ROOT, " %.3f s |", bf16.stepSeconds())), step);
    assertTrue(step.contains(String.format(Locale.ROOT, "| %.3f s |", fp8.stepSeconds())), step);
    String cached = line(benchmarks, "- With `--step-cache 0.1` (39 of 50 steps reused) one edit");
    assertTrue(
        cached.startsWith(String.format(Locale.ROOT, " took %.2f s", bf16.cachedRowSeconds())),
        cached);
    // The formula is close to the other measurements of that section: 10 steps,
    String ten = line(benchmarks, "| one edit, per image of 16, 10 steps | 3.06 s |");
    assertTrue(ten.startsWith(" 3.05 s"), ten);
    assertEquals(3.05, bf16.seconds(new RowWork(MEGAPIXEL, MEGAPIXEL, 10, 0, 2)), 0.02 * 3.05);
    // and a branch without a source image.
    for (String[] branch : new String[][] {{"h100.bf16", "0.094"}, {"h100.fp8", "0.064"}}) {
      String without = line(benchmarks, "| DiT, one branch without a source image |");
      assertTrue(without.contains(" " + branch[1] + " s "), without);
      GpuCost cost = GpuCost.of(branch[0]);
      double step50 =
          (cost.seconds(new RowWork(MEGAPIXEL, 0, 51, 0, 1))
              - cost.seconds(new RowWork(MEGAPIXEL, 0, 50, 0, 1)));
      assertEquals(Double.parseDouble(branch[1]), step50, 0.02 * step50);
    }
  }

  /** The rest of the first line that begins so. */
  private static String line(String text, String start) {
    return text.lines()
        .filter(line -> line.startsWith(start))
        .findFirst()
        .orElseThrow(() -> new AssertionError("benchmarks.md has no line " + start))
        .substring(start.length());
  }

  @Test
  void attentionMakesLargeImagesDearerThanTheirPixels() {
    GpuCost cost = GpuCost.of("h100.bf16");
    double large = cost.seconds(new RowWork(4 * MEGAPIXEL, 4 * MEGAPIXEL, 50, 0, 2));
    assertTrue(large > 5.5 * 11.17 && large < 7.5 * 11.17, "" + large);
    assertTrue(cost.seconds(new RowWork(MEGAPIXEL, 2 * MEGAPIXEL, 50, 0, 2)) > 11.17);
    assertTrue(cost.seconds(cached(0.05)) > cost.seconds(cached(0.2)));
  }

  @Test
  void otherCardsAreRefusedWithAdvice() {
    UsageException refused = assertThrows(UsageException.class, () -> GpuCost.of("tpu"));
    assertEquals(
        "Invalid --gpu: tpu, expected one of h100.bf16, h100.fp8; for others give"
            + " --seconds-per-image or --seconds-per-megapixel-step",
        refused.getMessage());
  }
}
