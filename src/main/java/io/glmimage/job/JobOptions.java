package io.glmimage.job;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.glmimage.digest.Sha256;
import io.glmimage.manifest.EditDefaults;
import io.glmimage.manifest.ManifestFormat;
import io.glmimage.manifest.ManifestOptions;
import io.glmimage.output.EditedImageOptions;
import io.glmimage.output.OutputOptions;
import io.glmimage.plan.PlanOptions;
import io.glmimage.spark.engine.EngineOptions;
import io.glmimage.spark.run.RunOptions;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** All options of an edit job: one record per package, composed. */
record JobOptions(
    ManifestOptions manifest,
    EditDefaults defaults,
    PlanOptions plan,
    OutputOptions output,
    EditedImageOptions pictures,
    EngineOptions engine,
    RunOptions run) {

  /** Every option by its name on the command line, resolved. */
  Map<String, String> byName() {
    Map<String, String> options = new LinkedHashMap<>();
    options.put("manifest", manifest.path());
    options.put(
        "manifest-format",
        manifest.format() == null ? ManifestFormat.AUTO : manifest.format().option());
    options.put("columns", new TreeMap<>(manifest.columns()).toString());
    options.put("drop-columns", manifest.dropped().toString());
    options.put("output", output.path());
    options.put("overwrite", String.valueOf(output.overwrite()));
    options.put("resume", String.valueOf(output.resume()));
    options.put("keep-failed", String.valueOf(output.keepFailed()));
    options.put("resume-check", output.check().name().toLowerCase(Locale.ROOT));
    options.put("commit-seconds", String.valueOf(output.commitSeconds()));
    options.put("lock-timeout", String.valueOf(output.lockTimeoutSeconds()));
    options.put("io-attempts", String.valueOf(run.ioAttempts()));
    options.put("max-failed-rows", String.valueOf(run.maxFailedRows()));
    options.put("max-failed-ratio", String.valueOf(run.maxFailedRatio()));
    options.put("packing", pictures.packing().name().toLowerCase(Locale.ROOT));
    options.put("image-format", pictures.format().name().toLowerCase(Locale.ROOT));
    options.put("quality", String.valueOf(pictures.quality()));
    options.put("shard-size", String.valueOf(pictures.shardRows()));
    options.put("model", engine.modelName());
    options.put("device", engine.device());
    options.put("precision", engine.precision());
    options.put("kernels", engine.kernels().toString());
    options.put("weights", engine.weights().toString());
    options.put("weights-cache", engine.cache().cacheDir());
    options.put("weights-cache-gb", String.valueOf(engine.cache().cacheBytes() >> 30));
    options.put("weights-check", engine.cache().check().name().toLowerCase(Locale.ROOT));
    options.put("weights-chunk-mb", String.valueOf(engine.cache().chunkBytes() >> 20));
    options.put("steps", String.valueOf(defaults.steps()));
    options.put("guidance", String.valueOf(defaults.guidanceScale()));
    options.put("seed", String.valueOf(defaults.seed()));
    options.put("height", String.valueOf(defaults.height()));
    options.put("width", String.valueOf(defaults.width()));
    options.put("max-pixels", String.valueOf(defaults.maxPixels()));
    options.put("step-cache", String.valueOf(defaults.stepCache()));
    options.put("batch-size", String.valueOf(plan.batchSize()));
    options.put("partitions", String.valueOf(plan.partitions()));
    return options;
  }

  /** A digest of the options that decide what the pictures look like. */
  String fingerprint() {
    Map<String, String> deciding = new TreeMap<>(byName());
    deciding
        .keySet()
        .retainAll(
            List.of(
                "model",
                "precision",
                "steps",
                "guidance",
                "seed",
                "height",
                "width",
                "max-pixels",
                "step-cache",
                "columns",
                "image-format",
                "quality"));
    try {
      return Sha256.hex(new ObjectMapper().writeValueAsString(deciding));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("Texts can be written as JSON", e);
    }
  }
}
