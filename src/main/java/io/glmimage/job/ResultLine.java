package io.glmimage.job;

import com.fasterxml.jackson.core.JsonProcessingException;
import io.glmimage.error.Redaction;
import io.glmimage.json.Json;
import io.glmimage.output.OutputLayout;
import io.glmimage.output.RowCounts;
import io.glmimage.output.RunReport;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The last line of {@code edit} for programs: {@code RESULT} and a JSON object. Every line has the
 * same keys; what is not known is null. A scheduler can read the outcome here without access to the
 * output folder.
 */
final class ResultLine {
  static final String PREFIX = "RESULT ";

  private static final String OK = "ok";
  private static final String SOME_ROWS_FAILED = "rows_failed";
  private static final String REFUSED = "refused";
  private static final String JOB_FAILED = "job_failed";
  private static final String STOPPED = "stopped";

  /**
   * What is known of a run that does not finish; each is null until it is known.
   *
   * @param output the output folder
   * @param rows number of rows of the manifest
   * @param kept how many of them earlier runs had finished
   */
  record Known(String output, Long rows, Long kept) {
    static final Known NOTHING = new Known(null, null, null);
  }

  private ResultLine() {}

  /** The line of a run that has finished. */
  static String of(RunReport report, int exitCode, Redaction redaction) {
    RowCounts rows = report.rows();
    OutputLayout output = report.output();
    Map<String, Object> fields = fields();
    fields.put("status", rows.failed() == 0 ? OK : SOME_ROWS_FAILED);
    fields.put("exit_code", exitCode);
    fields.put("rows", rows.total());
    fields.put("ok", rows.ok());
    fields.put("failed", rows.failed());
    fields.put("kept", rows.kept());
    fields.put("failed_by_class", rows.failedByClass());
    fields.put("flagged", rows.flagged());
    fields.put("seconds", report.times().seconds());
    fields.put("edit_seconds", report.edited().seconds());
    fields.put("rows_per_second", report.rowsPerSecond());
    fields.put("gpu_hours", report.cost() == null ? null : report.cost().gpuHours());
    fields.put("cost", report.cost() == null ? null : report.cost().amount());
    fields.put("preset", report.setup().options().get("preset"));
    fields.put("output", output.root());
    fields.put("results", output.results());
    fields.put("failed_rows", rows.failed() == 0 ? null : output.failedRows());
    fields.put("metrics", output.metrics());
    fields.put("summary", output.summary());
    return text(fields, redaction);
  }

  /** The line of a run that did not start, or failed. */
  static String of(int exitCode, String error, Known known, Redaction redaction) {
    Map<String, Object> fields = fields(known);
    fields.put("status", exitCode == ExitCode.USAGE ? REFUSED : JOB_FAILED);
    fields.put("exit_code", exitCode);
    fields.put("error", error);
    return text(fields, redaction);
  }

  /** The line of a run that was stopped by a signal, which decides the exit code. */
  static String stopped(Known known, Redaction redaction) {
    Map<String, Object> fields = fields(known);
    fields.put("status", STOPPED);
    fields.put("error", "Stopped: the process was told to end");
    return text(fields, redaction);
  }

  /** All keys in their order, without values. */
  private static Map<String, Object> fields() {
    Map<String, Object> fields = new LinkedHashMap<>();
    for (String key :
        new String[] {
          "status",
          "exit_code",
          "error",
          "rows",
          "ok",
          "failed",
          "kept",
          "failed_by_class",
          "flagged",
          "seconds",
          "edit_seconds",
          "rows_per_second",
          "gpu_hours",
          "cost",
          "preset",
          "output",
          "results",
          "failed_rows",
          "metrics",
          "summary"
        }) {
      fields.put(key, null);
    }
    return fields;
  }

  private static Map<String, Object> fields(Known known) {
    Map<String, Object> fields = fields();
    fields.put("rows", known.rows());
    fields.put("kept", known.kept());
    fields.put("output", known.output());
    return fields;
  }

  private static String text(Map<String, Object> fields, Redaction redaction) {
    fields.replaceAll((key, value) -> value instanceof String s ? redaction.apply(s) : value);
    try {
      return PREFIX + Json.MAPPER.writeValueAsString(fields);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("Texts and numbers can be written as JSON", e);
    }
  }
}
