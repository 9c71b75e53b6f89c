package io.glmimage.output;

import io.glmimage.error.Redaction;
import io.glmimage.error.Wording;
import io.glmimage.io.Storage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * A finished run in numbers.
 *
 * @param rows how the rows of the manifest ended
 * @param times how long the phases took
 * @param edited figures of the rows that this run edited
 * @param output where the results are
 * @param setup options, model and versions
 * @param cost null if no price was given
 */
public record RunReport(
    RowCounts rows,
    RunTimes times,
    EditFigures edited,
    OutputLayout output,
    RunSetup setup,
    RunCost cost) {
  /** Rows that this run finished per second of editing; 0 if it edited none. */
  public double rowsPerSecond() {
    return edited.seconds() > 0 ? (rows.total() - rows.kept()) / edited.seconds() : 0;
  }

  /** The last line that the command prints. */
  public String line() {
    return String.format(
        Locale.ROOT,
        "%s: %d ok, %d failed%s, %.2f rows/s, %.1f s%s; results in %s",
        Wording.count(rows.total(), "row"),
        rows.ok(),
        rows.failed(),
        rows.kept() > 0 ? ", " + rows.kept() + " of them kept from earlier runs" : "",
        rowsPerSecond(),
        times.seconds(),
        cost == null
            ? ""
            : String.format(
                Locale.ROOT, ", cost %.2f for %.2f GPU-hours", cost.amount(), cost.gpuHours()),
        output.results());
  }

  /** Writes {@code summary.json}, the last file of a run. */
  public void write(Storage storage, int exitCode, Redaction redaction) throws IOException {
    storage.write(output.summary(), json(exitCode, redaction).getBytes(StandardCharsets.UTF_8));
  }

  String json(int exitCode, Redaction redaction) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("exit_code", exitCode);
    fields.put("rows", rows.total());
    fields.put("ok", rows.ok());
    fields.put("failed", rows.failed());
    fields.put("kept", rows.kept());
    fields.put("failed_by_class", rows.failedByClass());
    fields.put("flagged", rows.flagged());
    fields.put("started", times.started().toString());
    fields.put("seconds", times.seconds());
    fields.put("edit_seconds", edited.seconds());
    fields.put("phase_seconds", times.phaseSeconds());
    fields.put("rows_per_second", rowsPerSecond());
    fields.put("gpu_hours", cost == null ? null : cost.gpuHours());
    fields.put("cost", cost == null ? null : cost.amount());
    fields.put("sources", edited.sources());
    fields.put("results", redaction.apply(output.results()));
    fields.put("images", redaction.apply(output.images()));
    fields.put("model", redaction.apply(setup.model()));
    fields.put("adapters", setup.adapters().stream().map(a -> adapter(a, redaction)).toList());
    fields.put("demonstration_model", setup.demonstration());
    Map<String, String> options = new LinkedHashMap<>();
    setup.options().forEach((name, value) -> options.put(name, redaction.apply(value)));
    fields.put("options", options);
    fields.put("options_fingerprint", setup.optionsFingerprint());
    Map<String, Object> kernels = new LinkedHashMap<>();
    edited
        .kernels()
        .forEach(
            (operation, use) -> {
              Map<String, String> one = new LinkedHashMap<>();
              one.put("choice", use.choice());
              one.put("reason", use.reason());
              kernels.put(operation, one);
            });
    fields.put("kernels", kernels);
    fields.put("versions", setup.versions());
    return PrettyJson.of(fields);
  }

  private static Map<String, Object> adapter(RunSetup.Adapter adapter, Redaction redaction) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("adapter", redaction.apply(adapter.location()));
    fields.put("scale", adapter.scale());
    fields.put("sha256", adapter.sha256());
    return fields;
  }
}
