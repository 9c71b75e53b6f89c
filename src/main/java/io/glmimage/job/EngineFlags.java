package io.glmimage.job;

import io.glmimage.spark.EngineOptions;
import picocli.CommandLine.Option;

/** Options that say what edits. */
final class EngineFlags {
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

  EngineOptions options() {
    return new EngineOptions(model, device);
  }
}
