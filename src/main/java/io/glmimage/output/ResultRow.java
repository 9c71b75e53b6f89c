package io.glmimage.output;

import io.glmimage.error.ErrorClass;
import io.glmimage.error.Redaction;
import io.glmimage.manifest.ManifestRow;
import io.glmimage.manifest.RowOutcome;
import io.glmimage.request.Preset;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * A result row: how one row of the manifest ended.
 *
 * @param row the valid or rejected row
 * @param failure null if the row succeeded
 * @param edited null if the row failed
 * @param verdict null if the edited image was not judged
 * @param model the name of the model
 * @param origin what the result row was made from
 */
public record ResultRow(
    RowOutcome row,
    Failure failure,
    EditedFile edited,
    Verdict verdict,
    RowTimes times,
    String model,
    Origin origin) {
  /** Why a row failed. */
  public record Failure(ErrorClass errorClass, String message) {}

  /**
   * The file with the edited image of a row.
   *
   * @param height in pixels
   * @param width in pixels
   * @param scale pixels per pixel of the first source image; may be null
   */
  public record EditedFile(String path, String sha256, int height, int width, Double scale) {
    /** A file without a scale. */
    public EditedFile(String path, String sha256, int height, int width) {
      this(path, sha256, height, width, null);
    }
  }

  /**
   * What a result row was made from.
   *
   * @param fingerprint of the row, the options and the model
   * @param sourcesFingerprint of the source images; null if they were not read
   * @param run the run that made the result row
   * @param preset whose settings the row has; null if it has others
   */
  public record Origin(String fingerprint, String sourcesFingerprint, String run, Preset preset) {
    /** Of a row whose settings are not those of a preset. */
    public Origin(String fingerprint, String sourcesFingerprint, String run) {
      this(fingerprint, sourcesFingerprint, run, null);
    }
  }

  /** Longer messages, such as a server's page in an exception, are cut. */
  static final int LONGEST_ERROR = 2000;

  public static ResultRow done(
      ManifestRow row,
      EditedFile edited,
      Verdict verdict,
      RowTimes times,
      String model,
      Origin origin) {
    return new ResultRow(row, null, edited, verdict, times, model, origin);
  }

  public static ResultRow failed(
      RowOutcome row,
      ErrorClass errorClass,
      String error,
      RowTimes times,
      String model,
      Origin origin) {
    String cut =
        error.length() <= LONGEST_ERROR ? error : error.substring(0, LONGEST_ERROR) + "...";
    return new ResultRow(row, new Failure(errorClass, cut), null, null, times, model, origin);
  }

  public ResultStatus status() {
    return failure == null ? ResultStatus.OK : ResultStatus.FAILED;
  }

  /** The values of the columns that are not null, without secrets, in the order of the table. */
  public Map<ResultColumn, Object> values(Redaction redaction) {
    List<String> paths = row.imagePaths().stream().map(redaction::apply).toList();
    Map<ResultColumn, Object> values = new EnumMap<>(ResultColumn.class);
    values.put(ResultColumn.ROW_INDEX, row.index());
    values.put(ResultColumn.ID, row.id());
    values.put(ResultColumn.STATUS, status().name());
    if (failure != null) {
      values.put(ResultColumn.ERROR_CLASS, failure.errorClass().name());
      values.put(ResultColumn.ERROR, redaction.apply(failure.message()));
    }
    if (edited != null) {
      values.put(ResultColumn.OUTPUT_PATH, redaction.apply(edited.path()));
      values.put(ResultColumn.WIDTH, edited.width());
      values.put(ResultColumn.HEIGHT, edited.height());
      values.put(ResultColumn.SCALE, edited.scale());
    }
    if (verdict != null) {
      values.put(ResultColumn.QUALITY, verdict.flag().name());
      values.put(ResultColumn.CHANGED_FRACTION, verdict.figures().changedFraction());
      values.put(ResultColumn.SSIM, verdict.figures().ssim());
      values.put(ResultColumn.PSNR, verdict.figures().psnr());
      values.put(ResultColumn.FLATNESS, verdict.figures().flatness());
    }
    if (row instanceof ManifestRow valid) {
      values.put(ResultColumn.SEED, valid.settings().seed());
      values.put(ResultColumn.NUM_INFERENCE_STEPS, valid.settings().steps());
      values.put(ResultColumn.GUIDANCE_SCALE, valid.settings().guidanceScale());
    }
    if (origin.preset() != null) {
      values.put(ResultColumn.PRESET, origin.preset().label());
    }
    values.put(ResultColumn.SECONDS, times.total());
    values.put(ResultColumn.READ_SECONDS, times.read());
    values.put(ResultColumn.PRIOR_SECONDS, times.prior());
    values.put(ResultColumn.DENOISE_SECONDS, times.denoise());
    values.put(ResultColumn.DECODE_SECONDS, times.decode());
    values.put(ResultColumn.WRITE_SECONDS, times.write());
    values.put(ResultColumn.PROMPT, row.prompt());
    values.put(ResultColumn.IMAGE_PATHS, paths);
    if (row instanceof ManifestRow valid && valid.mask() != null) {
      values.put(ResultColumn.MASK_PATH, redaction.apply(valid.mask().shown()));
    }
    values.put(ResultColumn.MODEL, redaction.apply(model));
    if (edited != null) {
      values.put(ResultColumn.OUTPUT_SHA256, edited.sha256());
    }
    values.put(ResultColumn.FINGERPRINT, origin.fingerprint());
    values.put(ResultColumn.SOURCES_FINGERPRINT, origin.sourcesFingerprint());
    values.put(ResultColumn.RUN, origin.run());
    values.values().removeIf(value -> value == null);
    return values;
  }
}
