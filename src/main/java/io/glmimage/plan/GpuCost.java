package io.glmimage.plan;

import io.glmimage.error.UsageException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Locale;
import java.util.Properties;

/**
 * GPU seconds of a row, from measurements that come with the program. Only one size was measured;
 * other sizes, steps and guidance are estimated in proportion to them.
 *
 * @param name card and precision, as {@code h100.bf16}
 * @param rowSeconds a row of the measured size
 * @param stepSeconds one of its guided steps
 */
public record GpuCost(String name, double rowSeconds, double stepSeconds) {
  /** The card and precision that are assumed unless the user names others. */
  public static final String DEFAULT = "h100.bf16";

  private static final double MEASURED_MEGAPIXELS = 1024 * 1024 / 1e6;
  private static final int MEASURED_STEPS = 50;
  private static final int PASSES = 2;

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
        key, Double.parseDouble(row), Double.parseDouble(measured.getProperty(key + ".step")));
  }

  /**
   * Seconds of a row.
   *
   * @param megapixelSteps output megapixels times steps times passes (two with guidance)
   */
  public double seconds(double megapixelSteps) {
    double rest = rowSeconds - MEASURED_STEPS * stepSeconds;
    return rest + megapixelSteps * stepSeconds / (PASSES * MEASURED_MEGAPIXELS);
  }

  /** Whether a mean row is the one that was measured, so that nothing is scaled. */
  public boolean isMeasured(double megapixelSteps) {
    double measured = MEASURED_MEGAPIXELS * MEASURED_STEPS * PASSES;
    return Math.abs(megapixelSteps - measured) < 0.01 * measured;
  }
}
