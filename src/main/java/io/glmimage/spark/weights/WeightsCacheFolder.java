package io.glmimage.spark.weights;

import java.nio.file.Path;
import java.util.Map;

/** The folder in which a node keeps received models. */
final class WeightsCacheFolder {
  private WeightsCacheFolder() {}

  /** The requested folder, or the default of this process if the request is empty. */
  static Path of(String asked) {
    return asked.isEmpty()
        ? standard(
            System.getenv(), System.getProperty("java.io.tmpdir"), System.getProperty("user.name"))
        : Path.of(asked).toAbsolutePath();
  }

  /** A folder on Spark's scratch disk, which is usually larger than the temporary folder. */
  static Path standard(Map<String, String> environment, String temporary, String user) {
    String scratch = temporary;
    // The last one wins: YARN sets LOCAL_DIRS, and Spark then uses only these.
    for (String name : new String[] {"SPARK_LOCAL_DIRS", "LOCAL_DIRS"}) {
      String folders = environment.getOrDefault(name, "");
      if (!folders.isBlank()) {
        scratch = folders.split(",", -1)[0].trim();
      }
    }
    return Path.of(scratch, "glm-image-weights-" + user.replaceAll("[^A-Za-z0-9_.-]", "_"));
  }
}
