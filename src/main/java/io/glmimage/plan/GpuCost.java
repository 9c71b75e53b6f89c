package io.glmimage.plan;

import io.glmimage.error.UsageException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Locale;
import java.util.Properties;

/**
 * GPU seconds of rows, from measurements that come with the program ({@code gpu-costs.properties}).
 * Rows that were not measured are estimated:
 *
 * <pre>
 * seconds = rest * T/4096 + steps * step * W / W(measured)
 * W       = sum over passes of T * (r*D + K)
 * </pre>
 *
 * <p>T is the number of image tokens (16 x 16 pixels each), K the tokens that they attend to: their
 * own, and in the pass with the prompt those of the source images. D is the width of the
 * transformer, 4096. r*D counts matrix products and K attention, by their floating-point
 * operations: r is 6, or 3 in fp8, whose products are twice as fast. {@code step} is the measured
 * guided step, {@code rest} what a measured row takes besides its steps (prior tokens, decoding).
 * With step caching, only the computed steps count.
 *
 * @param name card and precision, as {@code h100.bf16}
 * @param rowSeconds a row of the measured size
 * @param cachedRowSeconds the same with the measured step caching; NaN if that was not measured
 * @param stepSeconds one of its guided steps
 * @param productShare r
 */
public record GpuCost(
    String name,
    double rowSeconds,
    double cachedRowSeconds,
    double stepSeconds,
    double productShare)
    implements CostModel {
  /** The card and precision that are assumed unless the user names others. */
  public static final String DEFAULT = "h100.bf16";

  private static final double PIXELS_PER_TOKEN = 16 * 16;
  private static final double WIDTH = 4096;

  private static final double MEASURED_MEGAPIXELS = 1024 * 1024 / 1e6;
  private static final double MEASURED_CACHE = 0.1;
  private static final int MEASURED_STEPS = 50;
  private static final RowWork MEASURED =
      new RowWork(MEASURED_MEGAPIXELS, MEASURED_MEGAPIXELS, MEASURED_STEPS, 0, 2);

  /**
   * The measurement of a card.
   *
   * @throws UsageException if there is none
   */
  public static GpuCost of(String name) {
    Properties measured = new Properties();
    try (InputStream in = GpuCost.class.getResourceAsStream("gpu-costs.properties")) {
      measured.load(in);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    String key = name.toLowerCase(Locale.ROOT);
    String row = measured.getProperty(key + ".row");
    if (row == null) {
      throw new UsageException(
          "Invalid --gpu: "
              + name
              + ", expected one of "
              + String.join(
                  ", ",
                  measured.stringPropertyNames().stream()
                      .filter(property -> property.endsWith(".row"))
                      .map(property -> property.substring(0, property.length() - 4))
                      .sorted()
                      .toList())
              + "; for others give --seconds-per-image or --seconds-per-megapixel-step");
    }
    return new GpuCost(
        key,
        Double.parseDouble(row),
        Double.parseDouble(measured.getProperty(key + ".row-step-cache", "NaN")),
        Double.parseDouble(measured.getProperty(key + ".step")),
        key.endsWith(".fp8") ? 3 : 6);
  }

  @Override
  public double seconds(RowWork work) {
    if (isMeasured(work)) {
      return work.stepCache() > 0 ? cachedRowSeconds : rowSeconds;
    }
    double rest = rowSeconds - MEASURED_STEPS * stepSeconds;
    return rest * work.megapixels() / MEASURED_MEGAPIXELS
        + work.computedSteps() * stepSeconds * stepWork(work) / stepWork(MEASURED);
  }

  /** W of a step. */
  private double stepWork(RowWork work) {
    double tokens = work.megapixels() * 1e6 / PIXELS_PER_TOKEN;
    double sources = work.sourceMegapixels() * 1e6 / PIXELS_PER_TOKEN;
    double own = tokens * (productShare * WIDTH + tokens);
    return work.passes() * own + tokens * sources;
  }

  @Override
  public boolean isMeasured(RowWork work) {
    return about(work.megapixels(), MEASURED_MEGAPIXELS)
        && about(work.sourceMegapixels(), MEASURED_MEGAPIXELS)
        && work.steps() == MEASURED_STEPS
        && work.passes() == MEASURED.passes()
        && (work.stepCache() == 0
            || (work.stepCache() == MEASURED_CACHE && !Double.isNaN(cachedRowSeconds)));
  }

  private static boolean about(double value, double measured) {
    return Math.abs(value - measured) < 0.01 * measured;
  }
}
