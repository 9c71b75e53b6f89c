package io.glmimage.spark.manifest;

import io.glmimage.io.Storage;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.DataFrameReader;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/**
 * Reads tables from paths that are not patterns. By default, Spark expands brackets, braces, stars,
 * question marks and backslashes in paths, and may then read other files than the given ones.
 */
public final class LiteralPaths {
  /** Spark's own {@code DataSource.GLOB_PATHS_KEY}, since Spark 3.1. */
  private static final String GLOB_PATHS = "__globPaths__";

  private LiteralPaths() {}

  /** A reader that takes every path literally. */
  public static DataFrameReader reader(SparkSession spark) {
    return spark.read().option(GLOB_PATHS, "false");
  }

  /**
   * A Parquet file, or the Parquet files below a folder.
   *
   * @param path with its scheme
   */
  static Dataset<Row> parquet(SparkSession spark, Storage storage, String path) throws IOException {
    if (!storage.hasLinkedFolders(path)) {
      return reader(spark).parquet(path);
    }
    // Spark would follow links in circles.
    List<String> files = new ArrayList<>();
    String prefix = path.endsWith("/") ? path : path + "/";
    storage.forEachFile(
        path,
        true,
        file -> {
          if (isVisible(file.substring(prefix.length()))) {
            files.add(file);
          }
        });
    return reader(spark).option("basePath", path).parquet(files.toArray(String[]::new));
  }

  /** Spark hides files and folders whose names start with a dot or an underscore. */
  private static boolean isVisible(String relative) {
    for (String part : relative.split("/")) {
      if (part.startsWith(".") || (part.startsWith("_") && !part.contains("="))) {
        return false;
      }
    }
    return true;
  }
}
