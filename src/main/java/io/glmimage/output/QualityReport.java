package io.glmimage.output;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * How the edited images of a result table were judged.
 *
 * @param flags numbers of rows by flag, OK included; flags without rows are left out
 * @param change numbers of rows by {@code changed_fraction}, from 0 to 1; empty if no row has it
 * @param likeness numbers of rows by {@code ssim}, from 0 to 1, smaller values in the first bin
 * @param quantiles {@code p10}, {@code p50} and {@code p90} of each figure, by its column
 */
public record QualityReport(
    Map<String, Long> flags,
    List<RunFigures.Bin> change,
    List<RunFigures.Bin> likeness,
    Map<String, Map<String, Double>> quantiles) {
  public static final QualityReport NONE =
      new QualityReport(Map.of(), List.of(), List.of(), Map.of());

  public QualityReport {
    flags = Collections.unmodifiableMap(new LinkedHashMap<>(flags));
    change = List.copyOf(change);
    likeness = List.copyOf(likeness);
    quantiles = Collections.unmodifiableMap(new LinkedHashMap<>(quantiles));
  }
}
