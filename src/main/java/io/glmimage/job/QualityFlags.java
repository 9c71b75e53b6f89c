package io.glmimage.job;

import io.glmimage.quality.QualityLimits;
import io.glmimage.quality.QualityOptions;
import picocli.CommandLine.Option;

/** Options of how edited images are judged. */
final class QualityFlags {
  @Option(
      names = "--min-change",
      paramLabel = "X",
      description =
          "An edited image is flagged UNCHANGED if less than this fraction (0 to 1) of its pixels"
              + " differs visibly from the source; 0 for never. Default: ${DEFAULT-VALUE}.")
  private double minChange = QualityLimits.DEFAULT_MIN_CHANGE;

  @Option(
      names = "--max-change",
      paramLabel = "X",
      description =
          "An edited image is flagged DESTROYED if more than this fraction (0 to 1) of its pixels"
              + " differs visibly from the source and ssim is below "
              + QualityLimits.DESTROYED_SSIM
              + "; 1 for never. Default: ${DEFAULT-VALUE}.")
  private double maxChange = QualityLimits.DEFAULT_MAX_CHANGE;

  @Option(
      names = "--retry-flagged",
      paramLabel = "N",
      description =
          "Edit a flagged row up to N more times (0 to "
              + QualityOptions.MAX_RETRIES
              + ") with seeds made from its own, until an image has no flag; the best one is kept."
              + " Default: ${DEFAULT-VALUE}.")
  private int retries;

  @Option(
      names = "--change-maps",
      description =
          "Also write OUTPUT/changes/<id>.png for rows with a source image: an 8-bit map of what"
              + " changed. Default: off.")
  private boolean changeMaps;

  @Option(
      names = "--keep-unchanged",
      description =
          "Replace pixels that did not change visibly by those of the source image, with soft edges."
              + " Default: off.")
  private boolean keepUnchanged;

  QualityOptions options() {
    return new QualityOptions(
        new QualityLimits(minChange, maxChange), retries, changeMaps, keepUnchanged);
  }
}
