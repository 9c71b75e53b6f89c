package io.glmimage.job;

import com.fasterxml.jackson.core.JsonProcessingException;
import io.glmimage.digest.Sha256;
import io.glmimage.error.UsageException;
import io.glmimage.image.SourceOptions;
import io.glmimage.json.Json;
import io.glmimage.manifest.EditDefaults;
import io.glmimage.manifest.ManifestOptions;
import io.glmimage.output.OutputOptions;
import io.glmimage.output.RowCounts;
import io.glmimage.plan.PlanOptions;
import io.glmimage.quality.QualityOptions;
import io.glmimage.request.Preset;
import io.glmimage.request.Solver;
import io.glmimage.spark.engine.EngineOptions;
import io.glmimage.spark.results.EditedImageOptions;
import io.glmimage.spark.run.RunOptions;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/**
 * All options of an edit job: one record per package.
 *
 * @param failedRowsExitCode exit code of a finished run with failed rows
 * @param gpuHourPrice price of a GPU for an hour; null if the cost is not wanted
 * @param progress where the progress is shown
 * @param resultsTable table of a catalog that gets the result rows too
 * @param values every option of the command line by its name, as parsed, defaults included
 */
record JobOptions(
    ManifestOptions manifest,
    EditDefaults defaults,
    PlanOptions plan,
    OutputOptions output,
    EditedImageOptions images,
    QualityOptions quality,
    EngineOptions engine,
    RunOptions run,
    SourceOptions sources,
    int failedRowsExitCode,
    Double gpuHourPrice,
    ProgressMode progress,
    Optional<ResultsTableFlags.Choice> resultsTable,
    Map<String, String> values) {

  /** The name, in reports, of settings that are not those of a preset. */
  static final String CUSTOM = "custom";

  JobOptions {
    if (gpuHourPrice != null && !(gpuHourPrice >= 0 && gpuHourPrice < 1e9)) {
      throw new UsageException(
          "Invalid --gpu-hour-price: " + gpuHourPrice + ", expected 0 or more");
    }
  }

  /** The exit code of a finished run. */
  int exitCode(RowCounts rows) {
    return rows.failed() == 0 ? ExitCode.DONE : failedRowsExitCode;
  }

  /** The values of a parsed command's options, by name without dashes, in their declared order. */
  static Map<String, String> valuesOf(CommandSpec command) {
    Map<String, String> values = new LinkedHashMap<>();
    for (OptionSpec option : command.options()) {
      if (!option.usageHelp() && !option.versionHelp()) {
        values.put(option.names()[0].replaceFirst("^-+", ""), text(option.getValue()));
      }
    }
    return values;
  }

  private static String text(Object value) {
    if (value instanceof Enum) {
      return value.toString().toLowerCase(Locale.ROOT);
    }
    if (value instanceof Collection) {
      return ((Collection<?>) value).isEmpty()
          ? "null"
          : ((Collection<?>) value).stream().map(String::valueOf).collect(Collectors.joining(" "));
    }
    return value instanceof Map ? new TreeMap<>((Map<?, ?>) value).toString() : value + "";
  }

  /**
   * The note printed at the start if no model was named, so that a large manifest is not edited
   * with the demonstration model by accident.
   *
   * @param cluster whether tasks run in other processes
   * @throws UsageException on a cluster, where the demonstration model must be named
   */
  Optional<String> demonstrationNote(boolean cluster) {
    if (!engine.demonstration() || EngineOptions.DEMO.equals(values.get("model"))) {
      return Optional.empty();
    }
    if (cluster) {
      throw new UsageException(
          "Cannot edit on a cluster without --model: the default is "
              + EngineOptions.DEMO_NOTE
              + ". Give --model DIR with a GLM-Image checkpoint, or --model demo for the"
              + " demonstration model");
    }
    return Optional.of("No --model is given: images are edited by " + EngineOptions.DEMO_NOTE);
  }

  /**
   * Every option by its name, for the report. {@code model} and {@code image-format} are resolved;
   * {@code packing} says what {@code output-format} makes of the edited images. {@code preset} is
   * {@link #CUSTOM} if another option replaces a part of it.
   */
  Map<String, String> byName() {
    Map<String, String> options = new LinkedHashMap<>(values);
    options.put("model", engine.modelName());
    options.put("image-format", images.format().name().toLowerCase(Locale.ROOT));
    Preset preset = defaults.effectivePreset();
    options.put("preset", preset == null ? CUSTOM : preset.label());
    options.put("packing", images.packing().name().toLowerCase(Locale.ROOT));
    return options;
  }

  /**
   * A digest of the options that determine the edited images. It lets people and programs see
   * whether two runs used the same settings. Resuming does not use it: each row has a fingerprint.
   */
  String fingerprint() {
    Map<String, String> deciding = new TreeMap<>(byName());
    deciding
        .keySet()
        .retainAll(
            List.of(
                "model",
                "lora",
                "precision",
                "steps",
                "guidance",
                "seed",
                "height",
                "width",
                "max-pixels",
                "exact-size",
                "large-sources",
                "step-cache",
                "columns",
                "image-format",
                "quality",
                "colour",
                "transparency",
                "keep-metadata",
                "keep-unchanged",
                "retry-flagged"));
    if (defaults.solver() != Solver.EULER) {
      deciding.put("solver", defaults.solver().label());
    }
    if (quality.retries() > 0) {
      deciding.put("flags", quality.limits().toString());
    }
    try {
      return Sha256.hex(Json.MAPPER.writeValueAsString(deciding));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("Texts can be written as JSON", e);
    }
  }
}
