package io.glmimage.spark.results;

import io.glmimage.io.PlaceFailures;
import java.util.Map;
import org.apache.spark.sql.DataFrameWriter;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How Spark commits tables. On {@code s3a://} this is S3A's magic committer, if {@code
 * spark-hadoop-cloud} is on the class path: its files appear when the job commits, not before.
 * Elsewhere it is Spark's default protocol, which renames files.
 */
final class CommitProtocol {
  private static final Logger LOG = LoggerFactory.getLogger(CommitProtocol.class);
  private static final String PROTOCOL =
      "org.apache.spark.internal.io.cloud.PathOutputCommitProtocol";
  private static final String PARQUET =
      "org.apache.spark.internal.io.cloud.BindingParquetOutputCommitter";
  private static final Map<String, String> SESSION =
      Map.of(
          "spark.sql.sources.commitProtocolClass", PROTOCOL,
          "spark.sql.parquet.output.committer.class", PARQUET);

  /** Options of the writer. Spark adds them to the Hadoop configuration of the job. */
  private static final Map<String, String> HADOOP =
      Map.of(
          "mapreduce.outputcommitter.factory.scheme.s3a",
          "org.apache.hadoop.fs.s3a.commit.S3ACommitterFactory",
          "fs.s3a.committer.name",
          "magic",
          "fs.s3a.committer.magic.enabled",
          "true");

  private final SparkSession spark;
  private final boolean magic;

  private CommitProtocol(SparkSession spark, boolean magic) {
    this.spark = spark;
    this.magic = magic;
  }

  /**
   * @param root path of the output folder, with its scheme
   */
  static CommitProtocol of(SparkSession spark, String root) {
    boolean magic = root.startsWith("s3a:");
    if (magic && (!isOnClassPath(PROTOCOL) || !isOnClassPath(PARQUET))) {
      LOG.warn(
          "spark-hadoop-cloud is not on the class path: the result table is committed by renames,"
              + " which are slow and not atomic on S3");
      magic = false;
    }
    return new CommitProtocol(spark, magic);
  }

  /** The name in {@link TableMarker}. */
  String name() {
    return magic ? "magic" : "rename";
  }

  /** Writes a table as Parquet. */
  void save(DataFrameWriter<Row> writer, String path) {
    PlaceFailures.run("write " + path, () -> write(writer, path));
  }

  private void write(DataFrameWriter<Row> writer, String path) {
    if (!magic) {
      writer.parquet(path);
      return;
    }
    try (TemporarySettings settings = TemporarySettings.set(spark, SESSION)) {
      writer.options(HADOOP).parquet(path);
    }
  }

  private static boolean isOnClassPath(String name) {
    ClassLoader loader = Thread.currentThread().getContextClassLoader();
    try {
      Class.forName(name, false, loader);
      return true;
    } catch (ClassNotFoundException | LinkageError e) {
      return false;
    }
  }
}
