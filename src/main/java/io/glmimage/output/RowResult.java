package io.glmimage.output;

import io.glmimage.error.ErrorClass;
import io.glmimage.io.Redaction;
import io.glmimage.manifest.ManifestRow;
import io.glmimage.manifest.RowOutcome;

/**
 * One line of the result table.
 *
 * @param row what was asked for
 * @param errorClass null if the row is done
 * @param error null if the row is done
 * @param outputPath null if the row failed
 * @param height of the picture in pixels; null if the row failed
 * @param width of the picture in pixels; null if the row failed
 * @param model the model's name
 * @param outputSha256 of the picture's file; null if the row failed
 * @param origin what the line was made from
 */
public record RowResult(
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
   * What a line was made from.
   *
   * @param fingerprint of the row, the options and the model
   * @param sourcesFingerprint of the sources; null if they were not read
   * @param run the run that made it
   */
  public record Origin(String fingerprint, String sourcesFingerprint, String run) {}

  /** Longer messages (a server's page in an exception) are cut. */
  static final int LONGEST_ERROR = 2000;

  public static RowResult done(
      ManifestRow row,
      String outputPath,
      String outputSha256,
      int height,
      int width,
      RowTimes times,
      String model,
      Origin origin) {
    return new RowResult(
        row, null, null, outputPath, height, width, times, model, outputSha256, origin);
  }

  public static RowResult failed(
      RowOutcome row,
      ErrorClass errorClass,
      String error,
      RowTimes times,
      String model,
      Origin origin) {
    String cut =
        error.length() <= LONGEST_ERROR ? error : error.substring(0, LONGEST_ERROR) + "...";
    return new RowResult(row, errorClass, cut, null, null, null, times, model, null, origin);
  }

  public ResultStatus status() {
    return errorClass == null ? ResultStatus.OK : ResultStatus.FAILED;
  }

  /** The values in the order of {@link ResultColumn}, without secrets; lists are arrays. */
  public Object[] values(Redaction redaction) {
    ManifestRow resolved = row instanceof ManifestRow valid ? valid : null;
    return new Object[] {
      row.index(),
      row.id(),
      status().name(),
      errorClass == null ? null : errorClass.name(),
      redaction.apply(error),
      redaction.apply(outputPath),
      width,
      height,
      resolved == null ? null : resolved.seed(),
      resolved == null ? null : resolved.steps(),
      resolved == null ? null : resolved.guidanceScale(),
      times.total(),
      times.read(),
      times.prior(),
      times.denoise(),
      times.decode(),
      times.write(),
      row.prompt(),
      row.imagePaths().stream().map(redaction::apply).toArray(String[]::new),
      redaction.apply(model),
      outputSha256,
      origin.fingerprint(),
      origin.sourcesFingerprint(),
      origin.run()
    };
  }
}
