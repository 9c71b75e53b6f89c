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
 * The Spark session that commands share: the session of spark-submit or of the application if there
 * is one. Otherwise a local session is started in this JVM, and stopped by {@link #close}.
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
   * @param master of the local session; null for {@value #DEFAULT_MASTER}
   * @throws UsageException if a master is given although Spark has one already
   */
  static Session open(String master) {
    // spark-submit passes its settings as system properties. SparkConf has them as well, but
    // creating one starts the logging.
    boolean submitted = System.getProperty("spark.master") != null;
    if (!submitted) {
      quietLogs();
    }
    boolean running = SparkSession.getDefaultSession().isDefined();
    if (submitted || running) {
      if (master != null && submitted) {
        throw new UsageException(
            "Invalid --master: spark-submit or spark.master has set Spark's master already; leave"
                + " --master out");
      }
      return new Session(SparkSession.builder().getOrCreate(), !running);
    }
    return new Session(embedded(master == null ? DEFAULT_MASTER : master), true);
  }

  SparkSession spark() {
    return spark;
  }

  /** Whether all tasks run in this process, so that none of them outlives it. */
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

  /** Must run before the first logger is made. A configuration of the user takes precedence. */
  private static void quietLogs() {
    if (System.getProperty(LOG_CONFIGURATION) == null
        && System.getenv("LOG4J_CONFIGURATION_FILE") == null) {
      System.setProperty(LOG_CONFIGURATION, "classpath:io/glmimage/job/embedded-log4j2.properties");
    }
  }

  private static SparkSession embedded(String master) {
    if (!master.startsWith("local")) {
      throw new UsageException(
          "Invalid --master: " + master + ", expected local[N]; use spark-submit for a cluster");
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
              // Enough for ten million rows in a heap of 2 GB. Spark merges small partitions.
              .config("spark.sql.shuffle.partitions", "64")
              // Ids and fingerprints differ in every row: compression only costs time.
              .config("spark.sql.inMemoryColumnarStorage.compressed", "false")
              // Java's serializer holds all objects since its last reset while it writes batches
              // of cached rows to disk.
              .config("spark.sql.inMemoryColumnarStorage.batchSize", "1000")
              .config("spark.serializer.objectStreamReset", "8")
              // Heartbeats carry the progress.
              .config("spark.executor.heartbeatInterval", "1s")
              .getOrCreate();
      spark.sparkContext().setLogLevel("WARN");
      return spark;
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot create a temporary folder", e);
    }
  }
}
