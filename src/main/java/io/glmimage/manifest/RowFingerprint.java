package io.glmimage.manifest;

import io.glmimage.request.LargeSources;
import io.glmimage.request.Sizing;
import io.glmimage.request.Solver;
import java.util.ArrayList;
import java.util.List;

/**
 * Digests of everything that determines the edited image of a row, except the content of its source
 * images. Rows with equal ids and fingerprints have equal edited images.
 */
public final class RowFingerprint {
  /** Must be raised when the same row gives a different image, or a different file of it. */
  static final int FORMAT = 2;

  private RowFingerprint() {}

  /**
   * The fingerprint of a row.
   *
   * @param modelAndOptions identifies the model and all options that determine an edited image
   */
  public static String of(RowOutcome row, String modelAndOptions) {
    List<Object> values = new ArrayList<>();
    values.add(FORMAT);
    values.add(modelAndOptions);
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
      if (settings.solver() != Solver.EULER) {
        values.add("solver " + settings.solver().label());
      }
      addSizing(values, valid);
      if (valid.mask() != null) {
        values.add("mask " + valid.mask().text());
      }
    } else {
      values.add(((Rejection) row).message());
    }
    return RowIds.digest(values);
  }

  private static void addSizing(List<Object> values, ManifestRow row) {
    Sizing sizing = row.settings().sizing();
    if (!sizing.exact()) {
      values.add("inexact size");
    }
    boolean ofSource =
        !row.sources().isEmpty()
            && (row.settings().height() == null || row.settings().width() == null);
    if (ofSource && sizing.largeSources() == LargeSources.FAIL) {
      // A row that does not fail has the same image whatever the limit.
      values.add("large sources fail");
    } else if (ofSource && !sizing.equals(Sizing.DEFAULT)) {
      values.add(sizing.largeSources() + " sources over " + sizing.maxPixels());
    }
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
