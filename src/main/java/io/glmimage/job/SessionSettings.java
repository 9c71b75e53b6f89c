package io.glmimage.job;

import io.glmimage.spark.results.TemporarySettings;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.SparkSession;

/**
 * The settings of Spark SQL that decide what the job reads and writes. Whatever the user, {@code
 * spark-defaults.conf} or an application has set, they have these values while a command runs:
 *
 * <ul>
 *   <li>{@link #FIXED} settings have the value that is given there.
 *   <li>{@link #KEPT} settings stay. They say where data is and how fast it is processed.
 *   <li>All other settings of Spark SQL have Spark's default. Settings of other libraries stay,
 *       because Spark does not know their defaults.
 * </ul>
 */
final class SessionSettings implements AutoCloseable {
  private static final String PREFIX = "spark.sql.";
  private static final String PARTITIONS = "spark.sql.files.minPartitionNum";

  /** Values that differ from Spark's default, or whose default differs between Spark 3 and 4. */
  private static final Map<String, String> FIXED =
      Map.of(
          // Timestamps as text, in JSON columns and batches.
          "spark.sql.session.timeZone", "UTC",
          "spark.sql.ansi.enabled", "false",
          // Nanoseconds do not fit into Spark's timestamps: set for manifests that have them.
          "spark.sql.legacy.parquet.nanosAsLong", "false",
          // id=007 stays 007.
          "spark.sql.sources.partitionColumnTypeInference.enabled", "false",
          // Files of other programs have the Gregorian calendar of ISO 8601 for all dates.
          "spark.sql.parquet.datetimeRebaseModeInRead", "CORRECTED",
          "spark.sql.parquet.datetimeRebaseModeInWrite", "CORRECTED",
          "spark.sql.parquet.int96RebaseModeInRead", "CORRECTED",
          "spark.sql.parquet.int96RebaseModeInWrite", "CORRECTED",
          // INT96 counts nanoseconds, which overflow in other programs after the year 2262.
          "spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS");

  private static final List<String> KEPT =
      List.of(
          "spark.sql.adaptive.",
          "spark.sql.autoBroadcastJoinThreshold",
          "spark.sql.broadcastExchange",
          "spark.sql.broadcastTimeout",
          "spark.sql.catalog",
          "spark.sql.codegen.",
          "spark.sql.debug",
          "spark.sql.defaultCatalog",
          "spark.sql.event",
          "spark.sql.execution.",
          "spark.sql.files.maxPartition",
          "spark.sql.files.minPartition",
          "spark.sql.files.openCostInBytes",
          "spark.sql.hive.",
          "spark.sql.inMemoryColumnarStorage.",
          "spark.sql.maxPlanStringLength",
          "spark.sql.parquet.compression.codec",
          "spark.sql.parquet.output.committer.class",
          "spark.sql.redaction.",
          "spark.sql.shuffle.",
          "spark.sql.sources.commitProtocolClass",
          "spark.sql.sources.default",
          "spark.sql.sources.outputCommitterClass",
          "spark.sql.sources.parallelPartitionDiscovery.",
          "spark.sql.streaming.",
          "spark.sql.ui.");

  private final TemporarySettings settings;

  private SessionSettings(TemporarySettings settings) {
    this.settings = settings;
  }

  /** Fixes the settings of a session until the result is closed. */
  static SessionSettings fix(SparkSession spark) {
    Map<String, String> values = new HashMap<>();
    for (String key : settings(spark)) {
      if (decides(key) && spark.conf().isModifiable(key)) {
        values.put(key, null);
      }
    }
    // Set for Parquet manifests.
    values.put(PARTITIONS, spark.conf().get(PARTITIONS, null));
    values.putAll(FIXED);
    return new SessionSettings(TemporarySettings.set(spark, values));
  }

  /** Gives the session of an application its own settings back. */
  @Override
  public void close() {
    settings.close();
  }

  private static boolean decides(String key) {
    return key.startsWith(PREFIX) && KEPT.stream().noneMatch(key::startsWith);
  }

  private static List<String> settings(SparkSession spark) {
    List<String> keys = new ArrayList<>();
    scala.collection.Iterator<String> all = spark.conf().getAll().keysIterator();
    while (all.hasNext()) {
      keys.add(all.next());
    }
    return keys;
  }
}
