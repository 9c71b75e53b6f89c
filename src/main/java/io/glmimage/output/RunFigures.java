package io.glmimage.output;

import io.glmimage.image.RgbImage;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Figures of the whole result table, for the report of a run.
 *
 * @param stageSeconds total seconds of all rows by stage, in the order of the stages
 * @param quantiles seconds of successful rows by {@code p50}, {@code p90}, {@code p99}, {@code
 *     max}, {@code mean}; empty if no row succeeded
 * @param histogram numbers of successful rows by seconds, fastest first, without gaps
 * @param failures examples of each error class
 * @param quality how the edited images were judged
 * @param samples rows to look at
 */
public record RunFigures(
    Map<String, Double> stageSeconds,
    Map<String, Double> quantiles,
    List<Bin> histogram,
    Map<String, List<Failure>> failures,
    QualityReport quality,
    List<Sample> samples) {
  public RunFigures {
    stageSeconds = Collections.unmodifiableMap(new LinkedHashMap<>(stageSeconds));
    quantiles = Collections.unmodifiableMap(new LinkedHashMap<>(quantiles));
    failures = Collections.unmodifiableMap(new LinkedHashMap<>(failures));
    histogram = List.copyOf(histogram);
    samples = List.copyOf(samples);
  }

  /**
   * A bar of the histogram.
   *
   * @param from inclusive
   * @param to exclusive
   */
  public record Bin(double from, double to, long rows) {}

  /** A row that failed. */
  public record Failure(String id, String prompt, String error) {}

  /**
   * A row shown in the report.
   *
   * @param source thumbnail of the first source image; null if it cannot be shown
   * @param edit thumbnail of the edited image; null if it cannot be shown
   * @param note text in place of a missing image; may be null
   * @param quality the flag of the row; null if it was not judged
   * @param groups why the row is shown
   */
  public record Sample(
      String id,
      String prompt,
      String detail,
      RgbImage source,
      RgbImage edit,
      String note,
      String quality,
      Set<SampleGroup> groups) {}
}
