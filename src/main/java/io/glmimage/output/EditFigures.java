package io.glmimage.output;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a run measured while it edited rows.
 *
 * @param seconds spent on editing, model loading included
 * @param history progress over time
 * @param engineTime how the engines spent their time
 * @param kernels what the operations of the model ran on, by operation; empty if nothing was edited
 * @param sources numbers of source images that were read, by their traits
 */
public record EditFigures(
    double seconds,
    List<Moment> history,
    EngineTime engineTime,
    Map<String, KernelUse> kernels,
    Map<String, Long> sources) {
  /** The figures of a run that edited no row. */
  public static final EditFigures NOTHING =
      new EditFigures(0, List.of(), EngineTime.NONE, Map.of(), Map.of());

  public EditFigures {
    history = List.copyOf(history);
    sources = Collections.unmodifiableMap(new LinkedHashMap<>(sources));
    kernels = Collections.unmodifiableMap(new LinkedHashMap<>(kernels));
  }

  /**
   * How the engines spent their time, in seconds: the sum over all engines, each from its first to
   * its last row. There is one engine for each device of each executor.
   *
   * @param busy time with rows in work
   * @param waiting time without, while tasks read source images or wrote edited images
   */
  public record EngineTime(double busy, double waiting) {
    public static final EngineTime NONE = new EngineTime(0, 0);

    /** The fraction of time spent waiting, 0 to 1; null if nothing was edited. */
    public Double waitShare() {
      return busy + waiting > 0 ? Double.valueOf(waiting / (busy + waiting)) : null;
    }
  }

  /**
   * The progress at one moment.
   *
   * @param seconds since the start of editing
   * @param done finished rows, failed rows included
   */
  public record Moment(double seconds, long done, long failed) {}
}
