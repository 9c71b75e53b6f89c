package io.glmimage.spark.weights;

import java.nio.file.Path;
import java.util.Map;

/** Where a node keeps received models. */
final class WeightsCacheFolder {
  private WeightsCacheFolder() {}

  /** The folder asked for, or the default of this process. */
  static Path of(String asked) {
    return asked.isEmpty()
        ? standard(
            System.getenv(), System.getProperty("java.io.tmpdir"), System.getProperty("user.name"))
        : Path.of(asked).toAbsolutePath();
  }

  /** Spark's scratch disks are large where a system's temporary folder may be small. */
  static Path standard(Map<String, String> environment, String temporary, String user) {
    String scratch = temporary;
    for (String name : new String[] {"LOCAL_DIRS", "SPARK_LOCAL_DIRS"}) {
      String folders = environment.getOrDefault(name, "");
      if (!folders.isBlank()) {
        scratch = folders.split(",", -1)[0].trim();
      }
    }
    return Path.of(scratch, "glm-image-weights-" + user.replaceAll("[^A-Za-z0-9_.-]", "_"));
  }
}
