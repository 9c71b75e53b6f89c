package io.glmimage.output;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import io.glmimage.io.Redaction;
import io.glmimage.io.Storage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * A finished run in numbers.
 *
 * @param rows in the manifest
 * @param ok edited
 * @param kept of the rows: done by earlier runs and kept
 * @param failedByClass failed rows by error class
 * @param started when the command began
 * @param seconds from then until everything was written
 * @param editSeconds the part in which rows were edited, model loading included
 * @param phaseSeconds all its parts by name, in order
 * @param output where everything is
 * @param model the model's name
 * @param options all options by name, resolved
 * @param fingerprint of the options that decide the pictures
 * @param kernels what the operations of the model ran on, by operation; empty if nothing was edited
 * @param versions of the program and of what it ran on, by name
 */
public record RunReport(
    long rows,
    long ok,
    long kept,
    Map<String, Long> failedByClass,
    Instant started,
    double seconds,
    double editSeconds,
    Map<String, Double> phaseSeconds,
    OutputLayout output,
    String model,
    Map<String, String> options,
    String fingerprint,
    Map<String, KernelUse> kernels,
    Map<String, String> versions) {
  public RunReport {
    // Sorted, so that equal runs write equal files.
    failedByClass = new TreeMap<>(failedByClass);
    phaseSeconds = Collections.unmodifiableMap(new LinkedHashMap<>(phaseSeconds));
  }

  public long failed() {
    return failedByClass.values().stream().mapToLong(Long::longValue).sum();
  }

  public double rowsPerSecond() {
    return editSeconds > 0 ? (rows - kept) / editSeconds : 0;
  }

  /** The line that a run ends with. */
  public String line() {
    return String.format(
        Locale.ROOT,
        "%d rows: %d ok, %d failed%s, %.2f rows/s, %.1f s; results in %s",
        rows,
        ok,
        failed(),
        kept > 0 ? ", " + kept + " of them kept from earlier runs" : "",
        rowsPerSecond(),
        seconds,
        output.results());
  }

  public String json(int exitCode, Redaction redaction) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("exit_code", exitCode);
    fields.put("rows", rows);
    fields.put("ok", ok);
    fields.put("failed", failed());
    fields.put("kept", kept);
    fields.put("failed_by_class", failedByClass);
    fields.put("started", started.toString());
    fields.put("seconds", seconds);
    fields.put("edit_seconds", editSeconds);
    fields.put("phase_seconds", phaseSeconds);
    fields.put("rows_per_second", rowsPerSecond());
    fields.put("results", redaction.apply(output.results()));
    fields.put("images", redaction.apply(output.images()));
    fields.put("model", redaction.apply(model));
    Map<String, String> shown = new LinkedHashMap<>();
    options.forEach((name, value) -> shown.put(name, redaction.apply(value)));
    fields.put("options", shown);
    fields.put("options_fingerprint", fingerprint);
    Map<String, Object> uses = new LinkedHashMap<>();
    kernels.forEach(
        (operation, use) ->
            uses.put(
                operation, new TreeMap<>(Map.of("choice", use.choice(), "reason", use.reason()))));
    fields.put("kernels", uses);
    fields.put("versions", versions);
    try {
      return new ObjectMapper()
              .enable(SerializationFeature.INDENT_OUTPUT)
              .writeValueAsString(fields)
          + "\n";
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("A map of texts and numbers can be written as JSON", e);
    }
  }

  /** Writes {@code summary.json}: once it is there, so is everything else. */
  public void write(Storage storage, int exitCode, Redaction redaction) throws IOException {
    storage.write(output.summary(), json(exitCode, redaction).getBytes(StandardCharsets.UTF_8));
  }
}
