package io.glmimage.job;

import io.glmimage.error.UsageException;
import io.glmimage.io.HadoopSettings;
import io.glmimage.io.LocalFolders;
import io.glmimage.io.Redaction;
import io.glmimage.io.S3ContentTypes;
import io.glmimage.io.Storage;
import io.glmimage.spark.engine.ExecutorEngines;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import org.apache.spark.sql.SparkSession;

/**
 * The Spark session that commands share. Under spark-submit, or in an application that has one, it
 * is that one; else a local one is started in this JVM and stopped by {@link #close}.
 */
final class Session implements AutoCloseable {
  static final String DEFAULT_MASTER = "local[*,2]";

  private static final String LOG_CONFIGURATION = "log4j2.configurationFile";

  private final SparkSession spark;
  private final boolean owned;

  private Session(SparkSession spark, boolean owned) {
    this.spark = spark;
    this.owned = owned;
    S3ContentTypes.install(spark.sparkContext().hadoopConfiguration());
  }

  /**
   * @param master for the local session; null for all cores
   * @throws UsageException if a master is given where Spark has one already
   */
  static Session open(String master) {
    // spark-submit hands its settings over as system properties. SparkConf would tell too, but it
    // starts the logging.
    boolean submitted = System.getProperty("spark.master") != null;
    if (!submitted) {
      quietLogs();
    }
    boolean running = SparkSession.getDefaultSession().isDefined();
    if (submitted || running) {
      if (master != null && submitted) {
        throw new UsageException(
            "Invalid --master: Spark's master is already set by spark-submit or spark.master; leave"
                + " --master out");
      }
      return new Session(SparkSession.builder().getOrCreate(), !running);
    }
    return new Session(embedded(master == null ? DEFAULT_MASTER : master), true);
  }

  SparkSession spark() {
    return spark;
  }

  /** Whether all tasks run in this process, so that none outlives it. */
  boolean diesWithProcess() {
    String master = spark.sparkContext().master();
    return master.equals("local") || master.startsWith("local[");
  }

  Storage storage() {
    return hadoop().storage();
  }

  Redaction redaction() {
    return hadoop().redaction();
  }

  HadoopSettings hadoop() {
    return new HadoopSettings(spark.sparkContext().hadoopConfiguration());
  }

  @Override
  public void close() {
    if (owned) {
      spark.stop();
      ExecutorEngines.closeAll();
    }
  }

  /** Before the first logger; a user's own configuration wins. */
  private static void quietLogs() {
    if (System.getProperty(LOG_CONFIGURATION) == null
        && System.getenv("LOG4J_CONFIGURATION_FILE") == null) {
      System.setProperty(LOG_CONFIGURATION, "classpath:io/glmimage/job/embedded-log4j2.properties");
    }
  }

  private static SparkSession embedded(String master) {
    if (!master.startsWith("local")) {
      throw new UsageException(
          "Invalid --master: "
              + master
              + ", expected local[N]; a cluster is reached through spark-submit");
    }
    try {
      Path scratch = LocalFolders.temporary("glm-image-spark");
      SparkSession spark =
          SparkSession.builder()
              .appName("glm-image-spark")
              .master(master)
              .config("spark.ui.enabled", "false")
              .config("spark.ui.showConsoleProgress", "false")
              .config("spark.driver.host", "localhost")
              .config("spark.driver.bindAddress", "127.0.0.1")
              .config("spark.local.dir", scratch.toString())
              .config("spark.sql.warehouse.dir", scratch.resolve("warehouse").toString())
              .config("spark.sql.session.timeZone", "UTC")
              // Enough for ten million rows in a heap of 2 GB; of small tables Spark makes few.
              .config("spark.sql.shuffle.partitions", "64")
              // Ids and fingerprints differ from row to row: looking for repetitions only costs
              // time.
              .config("spark.sql.inMemoryColumnarStorage.compressed", "false")
              // While such batches of rows are written to disk, Java's serialisation holds all
              // since
              // its last reset.
              .config("spark.sql.inMemoryColumnarStorage.batchSize", "1000")
              .config("spark.serializer.objectStreamReset", "8")
              // Progress is read from heartbeats.
              .config("spark.executor.heartbeatInterval", "1s")
              .getOrCreate();
      spark.sparkContext().setLogLevel("WARN");
      return spark;
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot make a temporary folder", e);
    }
  }
}
