package io.glmimage.manifest;

import java.util.ArrayList;
import java.util.List;

/**
 * Digests of all that decides a row's picture, besides the bytes of its sources: rows with equal
 * ids and fingerprints have equal pictures.
 */
public final class RowFingerprint {
  /** Goes up when the same row gives another picture, or another file of it. */
  static final int FORMAT = 1;

  private RowFingerprint() {}

  /**
   * @param model digest of the model
   */
  public static String of(RowOutcome row, String model) {
    List<Object> values = new ArrayList<>();
    values.add(FORMAT);
    values.add(model);
    if (row instanceof ManifestRow valid) {
      values.add(valid.prompt());
      values.add(valid.sources());
      values.add(valid.height());
      values.add(valid.width());
      values.add(valid.steps());
      // As text: a Double's digits are the same on every JVM.
      values.add(Double.toString(valid.guidanceScale()));
      values.add(valid.seed());
      if (valid.stepCache() > 0) {
        values.add("step-cache " + valid.stepCache());
      }
    } else {
      values.add(((Rejection) row).message());
    }
    return RowIds.digest(values);
  }

  /**
   * Of the sources as they were when they were read.
   *
   * @param versions size and tag or time of each, in order
   */
  public static String ofSources(List<String> versions) {
    return RowIds.digest(versions);
  }
}
