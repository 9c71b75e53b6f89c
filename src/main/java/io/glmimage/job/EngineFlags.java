package io.glmimage.job;

import io.glmimage.error.UsageException;
import io.glmimage.spark.EngineOptions;
import io.glmimage.spark.NoopEngineFactory;
import picocli.CommandLine.Option;

/** Options that say what edits. */
final class EngineFlags {
  private static final String GLM_IMAGE = "glm-image";

  @Option(
      names = "--model",
      paramLabel = "DIR",
      description =
          "Folder of a GLM-Image checkpoint in the Hugging Face layout, on any Hadoop file system."
              + " Default: the embedded tiny model.")
  private String model;

  @Option(
      names = "--device",
      paramLabel = "DEVICE",
      defaultValue = EngineOptions.DEFAULT_DEVICE,
      description =
          "auto (a GPU if there is one), cpu, cuda or cuda:N. A GPU that Spark gives to a task is"
              + " used with auto and cuda. Default: ${DEFAULT-VALUE}.")
  private String device;

  @Option(
      names = "--engine",
      paramLabel = "ENGINE",
      defaultValue = GLM_IMAGE,
      hidden = true,
      description =
          "glm-image, or noop: edits nothing, reads no sources and writes no pictures, to measure the"
              + " bookkeeping. Default: ${DEFAULT-VALUE}.")
  private String engine;

  EngineOptions options() {
    if (!engine.equals(GLM_IMAGE) && !engine.equals(NoopEngineFactory.NAME)) {
      throw new UsageException("Invalid --engine: " + engine + ", expected glm-image or noop");
    }
    return new EngineOptions(model, device, engine.equals(NoopEngineFactory.NAME));
  }
}
