package io.glmimage.spark.manifest;

import org.apache.spark.sql.DataFrameReader;
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
}
