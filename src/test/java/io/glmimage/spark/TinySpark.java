package io.glmimage.spark;

import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** The local Spark session that the tests of a class share, for tables of a few rows. */
public abstract class TinySpark {
  protected static SparkSession spark;

  @BeforeAll
  static void startSpark() {
    spark = session();
  }

  @AfterAll
  static void stopSpark() {
    spark.stop();
  }

  /** Opens the session; the caller stops it. */
  public static SparkSession session() {
    return SparkSession.builder()
        .master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "localhost")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.sql.adaptive.enabled", "false")
        // Generated code takes longer to compile than it saves with a few rows.
        .config("spark.sql.codegen.wholeStage", "false")
        .config("spark.sql.codegen.factoryMode", "NO_CODEGEN")
        .config("spark.sql.parquet.compression.codec", "uncompressed")
        .config("spark.hadoop.fs.watched.impl", WatchedFileSystem.class.getName())
        .config("spark.hadoop.fs.watched.impl.disable.cache", "true")
        .getOrCreate();
  }
}
