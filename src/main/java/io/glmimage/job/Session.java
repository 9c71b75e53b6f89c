package io.glmimage.job;

import io.glmimage.error.Causes;
import io.glmimage.error.Redaction;
import io.glmimage.error.UsageException;
import io.glmimage.io.HadoopSettings;
import io.glmimage.io.Retries;
import io.glmimage.io.S3ContentTypes;
import io.glmimage.io.S3InputStreams;
import io.glmimage.io.Storage;
import io.glmimage.spark.SparkStep;
import io.glmimage.spark.engine.ExecutorEngines;
import io.glmimage.spark.engine.LostDeviceListener;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.spark.sql.SparkSession;

/**
 * The Spark session that commands share: the session of spark-submit or of the application if there
 * is one. Otherwise a local session is started in this JVM, and stopped by {@link #close}.
 */
final class Session implements AutoCloseable {
  static final String DEFAULT_MASTER = "local[*,2]";

  /** System property of the launcher: the number of threads where no master is given. */
  private static final String CORES = "glmimage.cores";

  private static final String APP_NAME = "spark.app.name";
  private static final String APPLICATION = "glm-image-spark: ";
  private static final String ATTEMPTS = "2";
  private static final Pattern LOCAL =
      Pattern.compile("local(?:\\[ *([1-9]\\d*|\\*) *(?:, *([1-9]\\d*) *)?])?");
  private static final String UMASK = "fs.permissions.umask-mode";

  /** System property of the log configurations: how much of an exception is printed. */
  private static final String TRACES = "glmimage.traces";

  /** System property of the log configurations: what is left out of messages. */
  private static final String FRAMES = "glmimage.frames";

  /** A pattern that is found nowhere. */
  private static final String NOTHING = "(?!)";

  /** Names of settings that Spark hides in its UI and its event log. */
  private static final String HIDDEN_SETTINGS = "spark.redaction.regex";

  private static final String LOG_CONFIGURATION = "log4j2.configurationFile";

  private final SparkSession spark;
  private final boolean owned;
  private final SessionSettings settings;
  private final SparkStep step;
  private final LostDeviceListener lostDevices = new LostDeviceListener();

  private Session(SparkSession spark, boolean owned) {
    this.spark = spark;
    this.owned = owned;
    this.settings = SessionSettings.fix(spark);
    this.step = SparkStep.begin(spark.sparkContext(), "Start");
    S3ContentTypes.install(spark.sparkContext().hadoopConfiguration());
    S3InputStreams.install(spark.sparkContext().hadoopConfiguration());
    spark.sparkContext().addSparkListener(lostDevices);
  }

  static Session open(String master, String work) {
    return open(master, work, false);
  }

  /**
   * @param master of the local session; null for {@value #DEFAULT_MASTER}
   * @param work names the application in Spark's UI, unless the user has named it
   * @param verbose whether the log has stack traces
   * @throws UsageException if a master is given although Spark has one already
   */
  static Session open(String master, String work, boolean verbose) {
    if (verbose) {
      System.setProperty(TRACES, "full");
      System.setProperty(FRAMES, NOTHING);
    }
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
      SparkSession.Builder builder = SparkSession.builder();
      if (!running && isUnnamed(System.getProperty(APP_NAME))) {
        builder.appName(APPLICATION + work);
      }
      if (!running && System.getProperty(HIDDEN_SETTINGS) == null) {
        builder.config(HIDDEN_SETTINGS, Redaction.SECRET_SETTINGS);
      }
      return new Session(started(builder::getOrCreate), !running);
    }
    return new Session(embedded(master == null ? defaultMaster() : master, work), true);
  }

  /**
   * @throws UsageException if Spark refuses a setting, such as executors that are larger than YARN
   *     grants: nothing has been changed yet
   */
  static SparkSession started(Supplier<SparkSession> start) {
    try {
      return start.get();
    } catch (IllegalArgumentException e) {
      throw new UsageException("Cannot start Spark: " + Causes.firstLine(e), e);
    }
  }

  /** Without {@code --name}, spark-submit names an application after its main class. */
  private static boolean isUnnamed(String application) {
    return application == null || application.equals(EditImagesJob.class.getName());
  }

  /** The last part of a path, for names and descriptions. */
  static String shortName(String path) {
    String whole = path.replaceFirst("/+$", "");
    return whole.substring(whole.lastIndexOf('/') + 1);
  }

  /** Describes the Spark jobs that this thread starts from now on. */
  void describe(String work) {
    step.next(work);
  }

  SparkSession spark() {
    return spark;
  }

  /** Whether all tasks run in this process, so that none of them outlives it. */
  boolean diesWithProcess() {
    return spark.sparkContext().isLocal();
  }

  /** Whether this session was started here, in this process, and has no other user. */
  boolean isEmbedded() {
    return owned && diesWithProcess();
  }

  Storage storage() {
    return hadoop().storage();
  }

  Storage storage(Retries retries) {
    return new Storage(spark.sparkContext().hadoopConfiguration(), retries);
  }

  Redaction redaction() {
    return hadoop().redaction();
  }

  HadoopSettings hadoop() {
    return new HadoopSettings(spark.sparkContext().hadoopConfiguration());
  }

  @Override
  public void close() {
    spark.sparkContext().removeSparkListener(lostDevices);
    step.close();
    settings.close();
    if (owned) {
      spark.stop();
      ExecutorEngines.closeAll();
    }
  }

  private static String defaultMaster() {
    String cores = System.getProperty(CORES);
    return cores == null ? DEFAULT_MASTER : "local[" + cores + "]";
  }

  /** Must run before the first logger is made. A configuration of the user takes precedence. */
  private static void quietLogs() {
    if (System.getProperty(LOG_CONFIGURATION) == null
        && System.getenv("LOG4J_CONFIGURATION_FILE") == null) {
      System.setProperty(LOG_CONFIGURATION, "classpath:io/glmimage/job/embedded-log4j2.properties");
    }
  }

  private static SparkSession embedded(String master, String work) {
    String attempts = attempts(master);
    Path scratch = LocalPlaces.scratch();
    LocalPlaces.nameTheUser();
    boolean ownLogs = System.getProperty(LOG_CONFIGURATION, "").startsWith("classpath:io/glmimage");
    SparkSession.Builder builder =
        SparkSession.builder().appName(APPLICATION + work).master(attempts);
    Map<String, String> defaults = defaults(scratch);
    if (LOCAL.matcher(attempts).matches()) {
      // The tasks run in this process. Spark would take it for lost after a suspension of the
      // machine, or when its clock is set forwards.
      defaults.put("spark.storage.blockManagerHeartbeatTimeoutMs", "3650d");
    }
    defaults.forEach((key, value) -> builder.config(key, System.getProperty(key, value)));
    LocalPlaces.umask(scratch)
        .filter(umask -> System.getProperty("spark.hadoop." + UMASK) == null)
        .ifPresent(umask -> builder.config("spark.hadoop." + UMASK, umask));
    SparkSession spark = builder.getOrCreate();
    if (ownLogs) {
      spark.sparkContext().setLogLevel("WARN");
    }
    return spark;
  }

  /** Settings of the embedded mode; system properties of the user take precedence. */
  private static Map<String, String> defaults(Path scratch) {
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("spark.ui.enabled", "false");
    settings.put("spark.ui.showConsoleProgress", "false");
    settings.put(HIDDEN_SETTINGS, Redaction.SECRET_SETTINGS);
    settings.put("spark.driver.host", "localhost");
    settings.put("spark.driver.bindAddress", "127.0.0.1");
    settings.put("spark.local.dir", scratch.toString());
    settings.put("spark.sql.warehouse.dir", scratch.resolve("warehouse").toString());
    // Enough for ten million rows in a heap of 2 GB. Spark merges small partitions.
    settings.put("spark.sql.shuffle.partitions", "64");
    // Ids and fingerprints differ in every row: compression only costs time.
    settings.put("spark.sql.inMemoryColumnarStorage.compressed", "false");
    // Java's serializer holds all objects since its last reset while it writes batches of cached
    // rows to disk.
    settings.put("spark.sql.inMemoryColumnarStorage.batchSize", "1000");
    settings.put("spark.serializer.objectStreamReset", "8");
    // Heartbeats carry the progress. The first one must not come before Spark has started: Spark
    // would log a stack trace. On a busy machine, the start takes seconds.
    settings.put("spark.executor.heartbeatInterval", "3s");
    return settings;
  }

  /**
   * The master with two attempts a task, unless the user gives another number.
   *
   * @throws UsageException if it is not a local master
   */
  static String attempts(String master) {
    if (master.startsWith("local-cluster[")) {
      // A cluster of this machine, for tests.
      return master;
    }
    Matcher local = LOCAL.matcher(master);
    if (!local.matches()) {
      throw new UsageException(
          "Invalid --master: " + master + ", expected local[N]; use spark-submit for a cluster");
    }
    String threads = local.group(1) == null ? "1" : local.group(1);
    String attempts = local.group(2) == null ? ATTEMPTS : local.group(2);
    return "local[" + threads + "," + attempts + "]";
  }
}
