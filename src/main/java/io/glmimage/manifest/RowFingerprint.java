package io.glmimage.manifest;

import java.util.ArrayList;
import java.util.List;

/**
 * Digests of everything that determines the edited image of a row, except the content of its source
 * images. Rows with equal ids and fingerprints have equal edited images.
 */
public final class RowFingerprint {
  /** Must be raised when the same row gives a different image, or a different file of it. */
  static final int FORMAT = 1;

  private RowFingerprint() {}

  /**
   * The fingerprint of a row.
   *
   * @param model digest of the model
   */
  public static String of(RowOutcome row, String model) {
    List<Object> values = new ArrayList<>();
    values.add(FORMAT);
    values.add(model);
    if (row instanceof ManifestRow valid) {
      EditSettings settings = valid.settings();
      values.add(valid.prompt());
      values.add(valid.sources());
      values.add(settings.height());
      values.add(settings.width());
      values.add(settings.steps());
      // As text: the digits of a Double are the same on every JVM.
      values.add(Double.toString(settings.guidanceScale()));
      values.add(settings.seed());
      if (settings.stepCache() > 0) {
        values.add("step-cache " + settings.stepCache());
      }
    } else {
      values.add(((Rejection) row).message());
    }
    return RowIds.digest(values);
  }

  /**
   * The fingerprint of source images as they were when they were read.
   *
   * @param versions size and entity tag or modification time of each, in order
   */
  public static String ofSources(List<String> versions) {
    return RowIds.digest(versions);
  }
}
