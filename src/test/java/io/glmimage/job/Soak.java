package io.glmimage.job;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.glmimage.image.ImageEncoder;
import io.glmimage.image.RgbImage;
import io.glmimage.io.Storage;
import io.glmimage.io.StoredFile;
import io.glmimage.s3.FaultyProxy;
import io.glmimage.s3.FaultyProxy.Fault;
import io.glmimage.s3.S3Server;
import io.glmimage.spark.SparkProcess;
import io.glmimage.spark.StandaloneCluster;
import io.glmimage.spark.engine.SoakEngines;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.LocalTime;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.apache.hadoop.fs.FileSystem;
import org.apache.spark.sql.Row;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * A soak test: many rows of the embedded model on a {@code local-cluster} of Spark, with manifest,
 * source images and results on S3. A calm run comes first. Then the same job runs under network and
 * server faults while executors are killed; with drivers that are killed and started again; and
 * with speculative copies of tasks. Each must leave the same as the calm run: every row once, the
 * same bytes, and nothing else.
 */
@Command(
    name = "soak",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = "Runs a job under faults and kills, and compares it with a calm run.")
public final class Soak implements Callable<Integer> {
  /** The disturbance of a run. */
  enum Phase {
    CALM,
    STORM,
    DRIVER,
    SPECULATION
  }

  @Option(names = "--rows", description = "Number of rows. Default: ${DEFAULT-VALUE}.")
  int rows = 2000;

  @Option(
      names = "--kills",
      description = "Number of executors to kill. Default: ${DEFAULT-VALUE}.")
  int kills = 20;

  @Option(
      names = "--driver-kills",
      description = "Number of drivers to kill. Default: ${DEFAULT-VALUE}.")
  int driverKills = 3;

  @Option(
      names = "--deadly",
      description =
          "Number of rows that kill their process whenever they run, in the run whose executors are"
              + " killed. Default: ${DEFAULT-VALUE}.")
  int deadly = 1;

  @Option(
      names = "--fault-every",
      description = "One request out of this many has a fault. Default: ${DEFAULT-VALUE}.")
  int faultEvery = 25;

  @Option(names = "--seed", description = "Seed of faults and kills. Default: ${DEFAULT-VALUE}.")
  long seed = 1;

  @Option(names = "--steps", description = "Denoising steps. Default: ${DEFAULT-VALUE}.")
  int steps = 2;

  @Option(
      names = "--size",
      description = "Side of the images in pixels. Default: ${DEFAULT-VALUE}.")
  int size = 64;

  @Option(
      names = "--output-format",
      description =
          "png or webdataset. With webdataset, the shards are compared as well. Default:"
              + " ${DEFAULT-VALUE}.")
  String format = "png";

  @Option(names = "--executors", description = "Number of executors. Default: ${DEFAULT-VALUE}.")
  int executors = 2;

  @Option(names = "--cores", description = "Cores of an executor. Default: ${DEFAULT-VALUE}.")
  int cores = 1;

  @Option(
      names = "--phases",
      split = ",",
      description = "Phases to run, of ${COMPLETION-CANDIDATES}; CALM is required. Default: all.")
  List<Phase> phases = List.of(Phase.values());

  @Option(names = "--minutes", description = "Time limit of one job. Default: ${DEFAULT-VALUE}.")
  int minutes = 60;

  @Option(names = "--folder", required = true, description = "Folder for logs.")
  Path folder;

  PrintStream out = System.out;

  private static final String BUCKET = "soak";

  /** Memory of an executor. */
  private static final String HEAP = "512m";

  /** Copies a task as soon as any other task has ended. */
  private static final List<String> SPECULATION =
      List.of(
          "-Dspark.locality.wait=0s",
          "-Dspark.speculation=true",
          "-Dspark.speculation.interval=50ms",
          "-Dspark.speculation.multiplier=0.05",
          "-Dspark.speculation.quantile=0.01",
          "-Dspark.speculation.minTaskRuntime=0ms");

  /**
   * With three tasks, the last one is alone on two executors. It waits for its copy in the middle,
   * so that both write images at the same time.
   */
  private static final String[] TASKS_FOR_TWO = {"--partitions=3", "--batch-size=1"};

  /** Otherwise S3A searches all jars for a parser at every answer. */
  private static final String XML_PARSER =
      "-Dorg.xml.sax.driver=com.sun.org.apache.xerces.internal.parsers.SAXParser";

  private static final int SOURCES = 24;
  private static final int CHECKERS = 8;

  private S3Server server;
  private FaultyProxy proxy;
  private SoakStorm storm;
  private SplittableRandom random;
  private Session session;
  private Storage storage;
  private int jobs;

  /** Executors whose driver was killed; they must end on their own. */
  private final List<ProcessHandle> orphans = new ArrayList<>();

  /** What a run leaves: the result rows by id, and digests by file name. */
  private record Left(
      Map<String, Row> rows, Map<String, String> images, Map<String, String> shards) {}

  public static void main(String[] args) {
    System.exit(
        new CommandLine(new Soak()).setCaseInsensitiveEnumValuesAllowed(true).execute(args));
  }

  /**
   * @throws AssertionError if anything was lost, duplicated or left behind
   */
  @Override
  public Integer call() throws Exception {
    long start = System.nanoTime();
    List<String> failures = new ArrayList<>();
    Files.createDirectories(folder);
    random = new SplittableRandom(seed);
    storm = new SoakStorm(random.nextLong(), faultEvery);
    say("rows %d of %d x %d, %d steps, %s; seed %d", rows, size, size, steps, format, seed);
    say("%d processors, load %s", Runtime.getRuntime().availableProcessors(), load());
    try {
      server = S3Server.start(folder);
      server.createBucket(BUCKET);
      proxy = new FaultyProxy(server.port());
      proxy.plan(storm);
      session = Session.open("local[1]", "test");
      settings(server.port())
          .forEach(
              (key, value) -> session.spark().sparkContext().hadoopConfiguration().set(key, value));
      storage = session.storage();
      upload();
      Left calm = calm();
      for (Phase phase : Phase.values()) {
        if (phase != Phase.CALM && phases.contains(phase)) {
          try {
            compared(phase, calm);
          } catch (AssertionError e) {
            // Run the other phases as well.
            say("%s: FAILED: %s", name(phase), e.getMessage());
            failures.add(name(phase) + ": " + e.getMessage());
          }
        }
      }
    } finally {
      orphans.forEach(ProcessHandle::destroyForcibly);
      if (session != null) {
        FileSystem.closeAll();
        session.close();
      }
      if (proxy != null) {
        proxy.close();
      }
      if (server != null) {
        server.close();
      }
    }
    that(failures.isEmpty(), String.join("\n", failures));
    say("passed in %.0f s; load %s", secondsSince(start), load());
    return 0;
  }

  private void compared(Phase phase, Left calm) throws Exception {
    switch (phase) {
      case CALM ->
          throw new IllegalArgumentException("The calm run has nothing to be compared with");
      case STORM -> storm(calm);
      case DRIVER -> driver(calm);
      case SPECULATION -> speculation(calm);
    }
  }

  private static String name(Phase phase) {
    return phase.name().toLowerCase(Locale.ROOT);
  }

  // The phases.

  private Left calm() throws Exception {
    return phase(
        Phase.CALM,
        () -> {
          // In one process: the place where a row is edited must not matter either.
          try (ChildJob job = job(Phase.CALM, "local[" + executors + "]", List.of())) {
            expect(0, job);
          }
          return check(Phase.CALM, 0);
        });
  }

  private void storm(Left calm) throws Exception {
    phase(
        Phase.STORM,
        () -> {
          String armed = executorOptions("-D" + SoakEngines.ARMED + "=true");
          try (ChildJob job = job(Phase.STORM, List.of(armed))) {
            storm.rage(true);
            int killed = killExecutors(job);
            expect(deadly > 0 ? 2 : 0, job);
            say(
                "storm: %d executors killed; %d times Spark aborted the job and was started again",
                killed,
                job.output().lines().filter(l -> l.contains("Spark aborted the job")).count());
            that(killed == kills, killed + " executors killed, not " + kills);
          } finally {
            storm.rage(false);
          }
          Left left = check(Phase.STORM, deadly);
          compare(calm, left, deadly);
          if (deadly == 0) {
            return left;
          }
          // The rows that killed their process are harmless now, and the only rows to do.
          storm.reset();
          try (ChildJob job = job(Phase.STORM, List.of())) {
            expect(0, job);
          }
          that(storm.images() == deadly, storm.images() + " images made by the second run");
          compare(calm, check(Phase.STORM, 0), 0);
          return left;
        });
  }

  private int killExecutors(ChildJob job) throws InterruptedException {
    int killed = 0;
    for (int moment : SoakStorm.moments(random, kills, rows)) {
      while (job.isAlive() && storm.images() < moment) {
        Thread.sleep(20);
      }
      Thread.sleep(random.nextInt(1000));
      List<ProcessHandle> alive = job.executors();
      while (job.isAlive() && alive.isEmpty()) {
        Thread.sleep(20);
        alive = job.executors();
      }
      if (!alive.isEmpty()) {
        ProcessHandle victim = alive.get(random.nextInt(alive.size()));
        if (victim.destroyForcibly()) {
          killed++;
          say("storm: killed executor %d after %d images", victim.pid(), storm.images());
        }
      }
    }
    return killed;
  }

  private void driver(Left calm) throws Exception {
    phase(
        Phase.DRIVER,
        () -> {
          int[] moments = SoakStorm.moments(random, Math.max(0, driverKills - 1), rows);
          storm.rage(true);
          try {
            for (int i = 0; i < driverKills; i++) {
              try (ChildJob job = job(Phase.DRIVER, List.of())) {
                if (i < moments.length) {
                  while (job.isAlive() && storm.images() < moments[i]) {
                    Thread.sleep(20);
                  }
                  Thread.sleep(random.nextInt(2000));
                } else {
                  // In the commit.
                  while (job.isAlive() && storm.commits() == 0) {
                    Thread.sleep(2);
                  }
                  Thread.sleep(random.nextInt(300));
                }
                that(job.isAlive(), "The job ended before it was killed:\n" + job.output());
                orphans.addAll(job.executors());
                job.killDriver();
                say(
                    "driver: killed after %d images, %d requests of a commit; %d uploads pending",
                    storm.images(), storm.commits(), server.pendingUploads(BUCKET).size());
              }
            }
            try (ChildJob job = job(Phase.DRIVER, List.of())) {
              expect(0, job);
            }
          } finally {
            storm.rage(false);
          }
          say("driver: %d images were sent for %d rows", storm.images(), rows);
          that(
              orphans.stream().noneMatch(ProcessHandle::isAlive),
              "An executor outlives its driver");
          Left left = check(Phase.DRIVER, 0);
          compare(calm, left, 0);
          return left;
        });
  }

  private void speculation(Left calm) throws Exception {
    phase(
        Phase.SPECULATION,
        () -> {
          Path work = Files.createTempDirectory(folder, "cluster-");
          try (StandaloneCluster cluster = new StandaloneCluster(work, HEAP)) {
            cluster.addWorker("127.0.0.2");
            cluster.addWorker("127.0.0.3");
            List<String> options = new ArrayList<>(SPECULATION);
            options.add(executorOptions("-D" + SoakEngines.MEETING + "=" + work.resolve("met")));
            try (ChildJob job = job(Phase.SPECULATION, cluster.url(), options, TASKS_FOR_TWO)) {
              expect(0, job);
            }
          }
          say("speculation: %d images were sent for %d rows", storm.images(), rows);
          that(storm.images() > rows, "No task was copied");
          Left left = check(Phase.SPECULATION, 0);
          compare(calm, left, 0);
          return left;
        });
  }

  private Left phase(Phase phase, Callable<Left> run) throws Exception {
    String name = name(phase);
    long start = System.nanoTime();
    int requests = proxy.requests();
    Map<Fault, Integer> before = proxy.faultsByKind();
    storm.reset();
    say("%s: begins; load %s", name, load());
    Left left = run.call();
    Map<Fault, Integer> faults = new TreeMap<>(proxy.faultsByKind());
    before.forEach((fault, count) -> faults.merge(fault, -count, Integer::sum));
    say(
        "%s: passed in %.0f s; %d rows, lost 0, twice 0; %d requests, faults %s; load %s",
        name, secondsSince(start), left.rows().size(), proxy.requests() - requests, faults, load());
    return left;
  }

  // The job.

  private ChildJob job(Phase phase, List<String> more) throws IOException {
    return job(phase, "local-cluster[" + executors + "," + cores + ",512]", more);
  }

  /**
   * @param more options of the JVM
   * @param arguments of the job
   */
  private ChildJob job(Phase phase, String master, List<String> more, String... arguments)
      throws IOException {
    List<String> options = new ArrayList<>();
    settings(proxy.port())
        .forEach((key, value) -> options.add("-Dspark.hadoop." + key + "=" + value));
    // As spark-submit passes it.
    options.add("-Dspark.master=" + master);
    options.add(XML_PARSER);
    options.add("-Dspark.executor.extraClassPath=" + SparkProcess.classesBesideSpark());
    options.add("-Dspark.executor.memory=" + HEAP);
    options.add("-Dspark.executorEnv.OMP_NUM_THREADS=1");
    options.add(executorOptions(""));
    options.addAll(more);
    List<String> command =
        new ArrayList<>(
            List.of("--manifest", root() + "/manifest.jsonl", "--output", output(phase)));
    command.addAll(List.of("--model", "demo", "--output-format", format));
    command.addAll(List.of("--steps", "" + steps, "--guidance", "1", "--commit-seconds", "2"));
    command.addAll(List.of(arguments));
    return new ChildJob(
        folder.resolve(++jobs + "-" + name(phase) + ".log"),
        options,
        SparkProcess.home().orElseThrow(),
        SoakJob.class,
        command);
  }

  /** Makes executors start quickly; most of their work is native. */
  private static String executorOptions(String more) {
    return "-Dspark.executor.extraJavaOptions="
        + SparkProcess.SHORT_LIVED
        + " "
        + XML_PARSER
        + " "
        + more;
  }

  private void expect(int code, ChildJob job) throws Exception {
    int exit = job.exitCode(minutes);
    that(exit == code, "The job ended with exit code " + exit + ":\n" + job.output());
  }

  /** S3A with short waits, because the server is local. */
  private static Map<String, String> settings(int port) {
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("fs.s3a.endpoint", "http://127.0.0.1:" + port);
    settings.put("fs.s3a.path.style.access", "true");
    settings.put("fs.s3a.access.key", S3Server.ACCESS_KEY);
    settings.put("fs.s3a.secret.key", S3Server.SECRET_KEY);
    settings.put("fs.s3a.connection.ssl.enabled", "false");
    settings.put("fs.s3a.change.detection.mode", "none");
    settings.put("fs.s3a.attempts.maximum", "2");
    settings.put("fs.s3a.retry.limit", "3");
    settings.put("fs.s3a.retry.interval", "50ms");
    settings.put("fs.s3a.retry.throttle.limit", "5");
    settings.put("fs.s3a.retry.throttle.interval", "50ms");
    settings.put("fs.s3a.connection.timeout", "10000");
    // Saves the requests that remove folder markers.
    settings.put("fs.s3a.directory.marker.retention", "keep");
    return settings;
  }

  private static String root() {
    return "s3a://" + BUCKET;
  }

  private static String output(Phase phase) {
    return root() + "/" + name(phase);
  }

  private static String id(int row) {
    return String.format(Locale.ROOT, "row-%05d", row);
  }

  private boolean isDeadly(int row) {
    // Spread over the middle of the manifest.
    return deadly > 0
        && row % (rows / deadly) == rows / deadly / 2
        && row / (rows / deadly) < deadly;
  }

  /** A row in the middle of the last of three tasks. */
  private int copied() {
    return rows * 5 / 6;
  }

  private void upload() throws IOException {
    List<String> colours = List.of("red", "green", "blue", "yellow", "purple", "white", "black");
    for (int i = 0; i < SOURCES; i++) {
      byte[] pixels = new byte[size * size * 3];
      for (int p = 0; p < size * size; p++) {
        boolean inside = Math.abs(p % size - size / 2) + Math.abs(p / size - size / 2) < size / 3;
        for (int c = 0; c < 3; c++) {
          pixels[3 * p + c] = (byte) (inside ? 255 * (i >> c & 1) : 16 * (i % 16));
        }
      }
      storage.write(
          root() + "/sources/" + i + ".png", ImageEncoder.png(new RgbImage(size, size, pixels)));
    }
    StringBuilder manifest = new StringBuilder();
    for (int i = 0; i < rows; i++) {
      Map<String, Object> row = new LinkedHashMap<>();
      row.put("id", id(i));
      row.put("image_paths", List.of("sources/" + i % SOURCES + ".png"));
      row.put(
          "prompt",
          "make the diamond "
              + colours.get(i % colours.size())
              + (isDeadly(i) ? " " + SoakEngines.DEADLY : "")
              + (i == copied() ? " " + SoakEngines.COPIED : ""));
      manifest.append(new ObjectMapper().writeValueAsString(row)).append('\n');
    }
    storage.write(root() + "/manifest.jsonl", manifest.toString().getBytes(StandardCharsets.UTF_8));
  }

  // The checks.

  /**
   * Checks that every row has one result row, every result row an image with its digest, and that
   * nothing else is left.
   *
   * @param dead number of rows that must have failed because they kill their process
   */
  private Left check(Phase phase, int dead) throws Exception {
    String output = output(phase);
    Map<String, Row> resultRows = new TreeMap<>();
    List<String> twice = new ArrayList<>();
    for (Row row : session.spark().read().parquet(output + "/results").collectAsList()) {
      if (resultRows.put(row.getAs("id"), row) != null) {
        twice.add(row.getAs("id"));
      }
    }
    TreeSet<String> lost = new TreeSet<>();
    for (int i = 0; i < rows; i++) {
      lost.add(id(i));
    }
    TreeSet<String> strange = new TreeSet<>(resultRows.keySet());
    strange.removeAll(lost);
    lost.removeAll(resultRows.keySet());
    that(
        lost.isEmpty() && twice.isEmpty() && strange.isEmpty(),
        "lost " + lost + ", twice " + twice + ", strange " + strange);

    Map<String, String> expected = new TreeMap<>();
    int found = 0;
    for (int i = 0; i < rows; i++) {
      Row row = resultRows.get(id(i));
      boolean failed = row.getAs("status").equals("FAILED");
      that(
          !failed || (dead > 0 && isDeadly(i) && row.getAs("error_class").equals("PROCESS_CRASH")),
          id(i) + ": " + row.getAs("error"));
      that(((Number) row.getAs("row_index")).intValue() == i, id(i) + " has another index");
      if (failed) {
        found++;
      } else {
        expected.put(id(i) + ".png", row.getAs("output_sha256"));
      }
    }
    that(found == dead, found + " rows failed because they kill their process, not " + dead);
    Map<String, String> images = digests(output + "/images");
    that(
        expected.equals(images),
        "Images that do not match their result rows: " + differ(expected, images));

    that(storage.exists(output + "/results/_SUCCESS"), "No _SUCCESS");
    for (String file : List.of("_run/lines", "_run/journal", "_run/lock.json", "results/__magic")) {
      that(!storage.exists(output + "/" + file), file + " is left");
    }
    List<String> pending = server.pendingUploads(BUCKET);
    that(pending.isEmpty(), "Uploads are pending: " + pending);
    Map<String, String> shards = digests(output + "/shards");
    that(shards.isEmpty() != format.equals("webdataset"), shards.size() + " shards");
    return new Left(resultRows, images, shards);
  }

  private void compare(Left calm, Left left, int dead) {
    Map<String, String> expected = new HashMap<>(calm.images());
    if (dead > 0) {
      for (int i = 0; i < rows; i++) {
        if (isDeadly(i)) {
          expected.remove(id(i) + ".png");
        }
      }
    }
    that(
        expected.equals(left.images()),
        "Images that differ from those of the calm run: " + differ(expected, left.images()));
    that(
        dead > 0 || calm.shards().equals(left.shards()),
        "Shards that differ from those of the calm run: " + differ(calm.shards(), left.shards()));
    calm.rows()
        .forEach(
            (id, row) -> {
              for (String column : List.of("row_index", "prompt", "seed", "fingerprint", "model")) {
                Object other = left.rows().get(id).getAs(column);
                that(row.getAs(column).equals(other), id + " has another " + column);
              }
            });
  }

  private static Set<String> differ(Map<String, String> a, Map<String, String> b) {
    TreeSet<String> names = new TreeSet<>(a.keySet());
    names.addAll(b.keySet());
    names.removeIf(name -> a.containsKey(name) && a.get(name).equals(b.get(name)));
    return names;
  }

  /** Digests of the files of a folder by name. */
  private Map<String, String> digests(String folder) throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(CHECKERS);
    try {
      Map<String, Future<String>> reading = new TreeMap<>();
      for (StoredFile file : storage.files(folder)) {
        String path = file.path();
        reading.put(
            path.substring(path.lastIndexOf('/') + 1),
            threads.submit(
                () ->
                    HexFormat.of()
                        .formatHex(
                            MessageDigest.getInstance("SHA-256")
                                .digest(storage.read(path, 1 << 28)))));
      }
      Map<String, String> digests = new TreeMap<>();
      for (Map.Entry<String, Future<String>> one : reading.entrySet()) {
        digests.put(one.getKey(), one.getValue().get());
      }
      return digests;
    } finally {
      threads.shutdownNow();
    }
  }

  private static void that(boolean holds, String otherwise) {
    if (!holds) {
      throw new AssertionError(otherwise);
    }
  }

  private void say(String format, Object... values) {
    out.println(
        LocalTime.now(ZoneOffset.UTC).truncatedTo(ChronoUnit.SECONDS)
            + " "
            + String.format(Locale.ROOT, format, values));
    out.flush();
  }

  private static String load() {
    return String.format(
        Locale.ROOT, "%.1f", ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage());
  }

  private static double secondsSince(long start) {
    return (System.nanoTime() - start) / 1e9;
  }
}
