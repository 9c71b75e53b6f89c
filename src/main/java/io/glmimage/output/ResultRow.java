package io.glmimage.output;

import io.glmimage.error.ErrorClass;
import io.glmimage.io.Redaction;
import io.glmimage.manifest.ManifestRow;
import io.glmimage.manifest.RowOutcome;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * A result row: how one row of the manifest ended.
 *
 * @param row the valid or rejected row
 * @param errorClass null if the row succeeded
 * @param error null if the row succeeded
 * @param outputPath path of the edited image; null if the row failed
 * @param height of the edited image in pixels; null if the row failed
 * @param width of the edited image in pixels; null if the row failed
 * @param model the name of the model
 * @param outputSha256 of the edited image's file; null if the row failed
 * @param origin what the result row was made from
 */
public record ResultRow(
    RowOutcome row,
    ErrorClass errorClass,
    String error,
    String outputPath,
    Integer height,
    Integer width,
    RowTimes times,
    String model,
    String outputSha256,
    Origin origin) {
  /**
   * What a result row was made from.
   *
   * @param fingerprint of the row, the options and the model
   * @param sourcesFingerprint of the source images; null if they were not read
   * @param run the run that made the result row
   */
  public record Origin(String fingerprint, String sourcesFingerprint, String run) {}

  /** Longer messages, such as a server's page in an exception, are cut. */
  static final int LONGEST_ERROR = 2000;

  public static ResultRow done(
      ManifestRow row,
      String outputPath,
      String outputSha256,
      int height,
      int width,
      RowTimes times,
      String model,
      Origin origin) {
    return new ResultRow(
        row, null, null, outputPath, height, width, times, model, outputSha256, origin);
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
    return new ResultRow(row, errorClass, cut, null, null, null, times, model, null, origin);
  }

  public ResultStatus status() {
    return errorClass == null ? ResultStatus.OK : ResultStatus.FAILED;
  }

  /** The values of the columns that are not null, without secrets, in the order of the table. */
  public Map<ResultColumn, Object> values(Redaction redaction) {
    List<String> paths = row.imagePaths().stream().map(redaction::apply).toList();
    Map<ResultColumn, Object> values = new EnumMap<>(ResultColumn.class);
    values.put(ResultColumn.ROW_INDEX, row.index());
    values.put(ResultColumn.ID, row.id());
    values.put(ResultColumn.STATUS, status().name());
    values.put(ResultColumn.ERROR_CLASS, errorClass == null ? null : errorClass.name());
    values.put(ResultColumn.ERROR, redaction.apply(error));
    values.put(ResultColumn.OUTPUT_PATH, redaction.apply(outputPath));
    values.put(ResultColumn.WIDTH, width);
    values.put(ResultColumn.HEIGHT, height);
    if (row instanceof ManifestRow valid) {
      values.put(ResultColumn.SEED, valid.settings().seed());
      values.put(ResultColumn.NUM_INFERENCE_STEPS, valid.settings().steps());
      values.put(ResultColumn.GUIDANCE_SCALE, valid.settings().guidanceScale());
    }
    values.put(ResultColumn.SECONDS, times.total());
    values.put(ResultColumn.READ_SECONDS, times.read());
    values.put(ResultColumn.PRIOR_SECONDS, times.prior());
    values.put(ResultColumn.DENOISE_SECONDS, times.denoise());
    values.put(ResultColumn.DECODE_SECONDS, times.decode());
    values.put(ResultColumn.WRITE_SECONDS, times.write());
    values.put(ResultColumn.PROMPT, row.prompt());
    values.put(ResultColumn.IMAGE_PATHS, paths);
    values.put(ResultColumn.MODEL, redaction.apply(model));
    values.put(ResultColumn.OUTPUT_SHA256, outputSha256);
    values.put(ResultColumn.FINGERPRINT, origin.fingerprint());
    values.put(ResultColumn.SOURCES_FINGERPRINT, origin.sourcesFingerprint());
    values.put(ResultColumn.RUN, origin.run());
    values.values().removeIf(value -> value == null);
    return values;
  }
}
