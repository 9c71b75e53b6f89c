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
 */
public record EditFigures(
    double seconds,
    List<RunFigures.Moment> history,
    RunFigures.EngineTime engineTime,
    Map<String, KernelUse> kernels) {
  /** The figures of a run that edited no row. */
  public static final EditFigures NOTHING =
      new EditFigures(0, List.of(), RunFigures.EngineTime.NONE, Map.of());

  public EditFigures {
    history = List.copyOf(history);
    kernels = Collections.unmodifiableMap(new LinkedHashMap<>(kernels));
  }
}
