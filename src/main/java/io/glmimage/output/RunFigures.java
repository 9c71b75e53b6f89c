package io.glmimage.output;

import io.glmimage.image.RgbImage;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Figures of the whole result table, for the report of a run.
 *
 * @param stageSeconds seconds by stage, over all rows, in the order of an edit
 * @param quantiles seconds of a row that is OK by {@code p50}, {@code p90}, {@code p99}, {@code
 *     max}, {@code mean}; empty if none is
 * @param histogram how many rows that are OK took how long, fastest first, without gaps
 * @param failures examples of each error class
 * @param samples rows to look at
 */
public record RunFigures(
    Map<String, Double> stageSeconds,
    Map<String, Double> quantiles,
    List<Bin> histogram,
    Map<String, List<Failure>> failures,
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
   * @param from seconds, inclusive
   * @param to seconds, exclusive
   */
  public record Bin(double from, double to, long rows) {}

  /** A row that failed. */
  public record Failure(String id, String prompt, String error) {}

  /**
   * A row to look at.
   *
   * @param source the first source, made small, or null
   * @param edit the picture, made small, or null
   * @param note said where a picture is missing, or null
   */
  public record Sample(
      String id, String prompt, String detail, RgbImage source, RgbImage edit, String note) {}

  /**
   * Seconds of all engines (one for each device of each executor), each from its first batch to its
   * last.
   *
   * @param busy in batches
   * @param waiting while no task had a batch for it: sources were still being read, or pictures
   *     written
   */
  public record EngineTime(double busy, double waiting) {
    public static final EngineTime NONE = new EngineTime(0, 0);

    /** The part spent waiting, 0 to 1, or null where nothing was edited. */
    public Double waitShare() {
      return busy + waiting > 0 ? Double.valueOf(waiting / (busy + waiting)) : null;
    }
  }

  /**
   * How far the run was.
   *
   * @param seconds since the first row was started
   * @param done rows, failed ones included
   */
  public record Moment(double seconds, long done, long failed) {}
}
