package io.glmimage.spark.results;

import java.util.HashMap;
import java.util.Map;
import org.apache.spark.sql.SparkSession;

/** Settings of a Spark session that are in force until they are closed. */
public final class TemporarySettings implements AutoCloseable {
  private final SparkSession spark;

  /** The values before; null where there was none. */
  private final Map<String, String> before;

  private TemporarySettings(SparkSession spark, Map<String, String> before) {
    this.spark = spark;
    this.before = before;
  }

  /**
   * Changes settings.
   *
   * @param values by name; null removes a setting, so that Spark's default applies
   */
  public static TemporarySettings set(SparkSession spark, Map<String, String> values) {
    Map<String, String> before = new HashMap<>();
    values.keySet().forEach(key -> before.put(key, spark.conf().get(key, null)));
    apply(spark, values);
    return new TemporarySettings(spark, before);
  }

  /** Gives the settings their former values. */
  @Override
  public void close() {
    apply(spark, before);
  }

  private static void apply(SparkSession spark, Map<String, String> values) {
    values.forEach(
        (key, value) -> {
          if (value == null) {
            spark.conf().unset(key);
          } else {
            spark.conf().set(key, value);
          }
        });
  }
}
