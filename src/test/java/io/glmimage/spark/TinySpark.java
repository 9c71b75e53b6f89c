package io.glmimage.spark;

import org.apache.spark.sql.SparkSession;

/** A local Spark session for tests of tables of a few rows. */
public final class TinySpark {
  private TinySpark() {}

  /** Opens a session; close it after the tests. */
  public static SparkSession open() {
    return SparkSession.builder()
        .master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "localhost")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.sql.adaptive.enabled", "false")
        .config("spark.sql.parquet.compression.codec", "uncompressed")
        .config("spark.hadoop.fs.watched.impl", WatchedFileSystem.class.getName())
        .config("spark.hadoop.fs.watched.impl.disable.cache", "true")
        .getOrCreate();
  }
}
