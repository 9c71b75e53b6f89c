package io.glmimage.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.glmimage.digest.Sha256;
import io.glmimage.spark.Gate;
import io.glmimage.spark.SparkProcess;
import io.glmimage.spark.StandaloneCluster;
import io.glmimage.spark.Until;
import io.glmimage.spark.engine.GatedEngines;
import java.io.IOException;
import java.io.OutputStream;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Executors of a standalone cluster that come and go while rows are in work. Every run must give
 * each row once, with the bytes of an undisturbed run. Rows wait at {@link Gate gates}, so that
 * each change of the cluster happens in the middle of known rows, however slow the machine is.
 */
@Tag("spark")
@Tag("resume")
@Tag("slow")
class ElasticClusterTest {
  private static final Path TINY =
      Path.of("src/main/resources/models/glm-image-tiny").toAbsolutePath();
  private static final String HEAP = "512m";
  private static final int ROWS = 9;

  /** Partitions of equal size, in the order of the rows. */
  private static final int PARTITIONS = 3;

  /** The gates of the rows in the middle of each partition. */
  private static final List<String> GATES = List.of("gate-first", "gate-second", "gate-third");

  private static final int WORKERS = 2;

  /** Beside {@code conf/log4j2.properties}. */
  private static final String DECOMMISSIONS_LOGGED =
      """
      logger.backend.name = org.apache.spark.executor.CoarseGrainedExecutorBackend
      logger.backend.level = info
      """;

  @TempDir private static Path shared;
  private static Path model;
  private static StandaloneCluster cluster;
  private static Session session;
  private static Map<String, String> calm;

  @TempDir private Path work;

  /** The workers start meanwhile. The session later reads the result tables. */
  @BeforeAll
  static void startClusterAndRunUndisturbed() throws Exception {
    assumeTrue(
        SparkProcess.home().isPresent(),
        "Skipped: no Spark installation; give one with -Dspark.home or SPARK_HOME"
            + " (.ci/pyspark.sh makes one)");
    cluster = new StandaloneCluster(Files.createDirectory(shared.resolve("cluster")), HEAP);
    for (int i = 0; i < WORKERS; i++) {
      cluster.addWorker();
    }
    model = copyOfModel(shared.resolve("model"));
    StringBuilder rows = new StringBuilder();
    int each = ROWS / PARTITIONS;
    for (int i = 0; i < ROWS; i++) {
      String gate = i % each == each / 2 ? " " + GATES.get(i / each) : "";
      rows.append("{\"id\": \"r" + i + "\", \"image_paths\": null");
      rows.append(", \"prompt\": \"a red circle " + i + gate + "\"}\n");
    }
    Files.writeString(shared.resolve("rows.jsonl"), rows);
    Path output = shared.resolve("calm");
    session = Session.open("local[1]", "test");
    JobConsole console = new JobConsole();
    assertEquals(0, console.real(arguments(output)), console::err);
    calm = images(output);
    cluster.awaitMaster();
  }

  @AfterAll
  static void stop() throws Exception {
    calm = null;
    if (session != null) {
      session.close();
      session = null;
    }
    if (cluster != null) {
      cluster.close();
      cluster = null;
    }
  }

  @Test
  void executorsThatDynamicAllocationAddsAndRemovesLoseNothing() throws Exception {
    Map<String, String> settings = settings();
    settings.put("spark.dynamicAllocation.enabled", "true");
    settings.put("spark.dynamicAllocation.minExecutors", "1");
    settings.put("spark.dynamicAllocation.maxExecutors", "2");
    settings.put("spark.dynamicAllocation.schedulerBacklogTimeout", "1s");
    // Without an external shuffle service, shuffle files are lost with their executor. Spark
    // therefore keeps an executor that has files of the running job: the one that planned the rows.
    // More tasks than one while rows are planned would add the second executor too early.
    settings.put("spark.dynamicAllocation.shuffleTracking.enabled", "true");
    settings.put("spark.sql.shuffle.partitions", "1");
    // Other idle executors go at once, even if they have planned rows.
    settings.put("spark.dynamicAllocation.executorIdleTimeout", "1s");
    settings.put("spark.dynamicAllocation.cachedExecutorIdleTimeout", "1s");
    settings.put("spark.dynamicAllocation.shuffleTracking.timeout", "1s");
    try (ChildJob job = job(settings)) {
      ProcessHandle first = visitor(job, "gate-first");
      ProcessHandle second = visitor(job, "gate-second");
      assertNotEquals(first, second, "an executor was added for the tasks that waited");
      boolean firstPlanned = SparkProcess.executorId(first).equals("0");
      ProcessHandle planner = firstPlanned ? first : second;
      // The executor that planned the rows takes the last task, and waits again.
      Gate.open(gates(), firstPlanned ? "gate-first" : "gate-second");
      assertEquals(planner, visitor(job, "gate-third"));
      Gate.open(gates(), firstPlanned ? "gate-second" : "gate-first");
      Until.holds(
          "the idle executor is removed",
          () -> !job.isAlive() || cluster.executors().equals(List.of(planner)));
      Gate.open(gates(), "gate-third");
      assertEquals(0, job.exitCode(), job.output());
    }
    requireAllRows();
  }

  @Test
  void aDecommissionedExecutorFinishesItsTaskAndItsSuccessorGetsTheModelThatItsHostHasLost()
      throws Exception {
    Map<String, String> settings = settings();
    settings.put("spark.decommission.enabled", "true");
    settings.put("spark.storage.decommission.enabled", "true");
    // An executor ends when it has looked for blocks to move after its last task: by default, it
    // looks every 30 seconds.
    settings.put("spark.storage.decommission.replicationReattemptInterval", "1s");
    Path log = Files.writeString(work.resolve("log4j2.properties"), DECOMMISSIONS_LOGGED);
    settings.merge("spark.executor.extraJavaOptions", "," + log.toUri(), String::concat);
    try (ChildJob job = job(settings)) {
      ProcessHandle leaving = visitor(job, "gate-first");
      ProcessHandle staying = visitor(job, "gate-second");
      assertNotEquals(leaving, staying);
      // Both workers have one cache: that of their host.
      remove(cache());

      // The signal that a platform sends before it takes a spot instance back.
      signal(leaving, "PWR");
      Until.holds(
          "the executor knows that it is decommissioned",
          () -> !job.isAlive() || logs("app-").contains("Decommission executor"));
      assertTrue(leaving.isAlive(), "a row is in work");
      Gate.open(gates(), "gate-first");
      Until.holds("the executor ends by itself", () -> !job.isAlive() || !leaving.isAlive());

      ProcessHandle successor = visitor(job, "gate-third");
      assertNotEquals(staying, successor);
      assertNotEquals(leaving, successor);
      Gate.open(gates(), "gate-second");
      Gate.open(gates(), "gate-third");
      assertEquals(0, job.exitCode(), job.output());
    }
    requireAllRows();
    assertTrue(Files.exists(cache()), "the host has the model again");
  }

  @Test
  void aDriverOnAWorkerEditsWithTheSettingsOfTheProfile() throws Exception {
    for (String gate : GATES) {
      Gate.open(gates(), gate);
    }
    Properties profile = new Properties();
    try (Reader reader = Files.newBufferedReader(Path.of("conf/standalone-gpu.conf"))) {
      profile.load(reader);
    }
    Path jar = work.resolve("job.jar");
    try (OutputStream out = Files.newOutputStream(jar)) {
      // The class path has the job's classes.
      new JarOutputStream(out).close();
    }
    Map<String, String> settings = settings();
    settings.put("spark.driver.memory", HEAP);
    settings.put("spark.driver.extraClassPath", System.getProperty("java.class.path"));
    settings.put(
        "spark.driver.extraJavaOptions", profile.getProperty("spark.driver.extraJavaOptions"));
    List<String> command = new ArrayList<>();
    settings.forEach((name, value) -> command.addAll(List.of("--conf", name + "=" + value)));
    command.addAll(List.of("--master", cluster.url(), "--deploy-mode", "cluster"));
    command.addAll(List.of("--class", GatedJob.class.getName(), jar.toUri().toString()));
    command.addAll(arguments(output()));
    Process submit =
        cluster.add(
            SparkProcess.java(
                work,
                work.resolve("submit.log"),
                HEAP,
                Map.of(),
                "org.apache.spark.deploy.SparkSubmit",
                command.toArray(String[]::new)));
    // spark-submit does not wait for the driver.
    assertEquals(0, submit.waitFor(), () -> text(work.resolve("submit.log")));
    Until.holds(
        "the driver writes summary.json",
        () -> {
          String logs = logs("driver-");
          assertFalse(logs.contains("Exception in thread \"main\""), logs);
          return Files.exists(output().resolve("summary.json"));
        });
    requireAllRows();
  }

  private Map<String, String> settings() {
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("spark.executor.memory", HEAP);
    // Spark requires 450 MiB of heap unless its reserve is set lower.
    settings.put("spark.testing.reservedMemory", Integer.toString(32 << 20));
    settings.put("spark.executor.cores", "1");
    settings.put("spark.executor.extraClassPath", System.getProperty("java.class.path"));
    settings.put(
        "spark.executor.extraJavaOptions",
        SparkProcess.SHORT_LIVED
            + " -D"
            + GatedEngines.GATES
            + "="
            + gates()
            + " -Dlog4j2.configurationFile="
            + Path.of("conf/log4j2.properties").toUri());
    settings.put("spark.executorEnv.OMP_NUM_THREADS", "1");
    settings.put("spark.sql.shuffle.partitions", "2");
    // Tasks do not wait for the executor that has their rows.
    settings.put("spark.locality.wait", "0s");
    settings.put("spark.ui.enabled", "false");
    // Compiling expressions takes longer than nine rows save.
    settings.put("spark.sql.codegen.wholeStage", "false");
    settings.put("spark.sql.codegen.factoryMode", "NO_CODEGEN");
    return settings;
  }

  private ChildJob job(Map<String, String> settings) throws IOException {
    List<String> options = new ArrayList<>();
    options.add("-Dspark.master=" + cluster.url());
    options.add("-Dspark.driver.host=127.0.0.1");
    settings.forEach((name, value) -> options.add("-D" + name + "=" + value));
    return new ChildJob(
        work.resolve("job.log"),
        options,
        SparkProcess.home().orElseThrow(),
        GatedJob.class,
        Stream.concat(arguments(output()).stream(), Stream.of("--weights-cache", cache() + ""))
            .toList());
  }

  private static List<String> arguments(Path output) {
    List<String> arguments = new ArrayList<>();
    arguments.addAll(List.of("--manifest", shared.resolve("rows.jsonl").toString()));
    arguments.addAll(List.of("--output", output.toString(), "--model", model.toString()));
    arguments.addAll(List.of("--device", "cpu", "--height", "32", "--width", "32"));
    arguments.addAll(List.of("--steps", "2", "--batch-size", "1"));
    arguments.addAll(List.of("--partitions", "" + PARTITIONS, "--commit-seconds", "0"));
    return arguments;
  }

  private Path gates() {
    return work.resolve("gates");
  }

  private Path cache() {
    return work.resolve("node-cache");
  }

  private Path output() {
    return work.resolve("out");
  }

  /** Waits for an executor at a gate. */
  private ProcessHandle visitor(ChildJob job, String gate) throws IOException {
    Until.holds(
        "an executor comes to " + gate,
        () -> {
          assertTrue(job.isAlive(), () -> text(work.resolve("job.log")));
          return Gate.visitor(gates(), gate).isPresent();
        });
    return Gate.visitor(gates(), gate).orElseThrow();
  }

  private static void signal(ProcessHandle process, String name) throws Exception {
    assertEquals(0, new ProcessBuilder("kill", "-" + name, process.pid() + "").start().waitFor());
  }

  /** What executors ({@code app-}) or drivers ({@code driver-}) have logged. */
  private static String logs(String of) throws IOException {
    StringBuilder logs = new StringBuilder();
    for (int worker = 1; worker <= WORKERS; worker++) {
      try (Stream<Path> files = Files.walk(cluster.workerFolder(worker))) {
        for (Path file :
            files.filter(f -> f.endsWith("stderr") && (f + "").contains(of)).toList()) {
          logs.append(text(file));
        }
      }
    }
    return logs.toString();
  }

  private static String text(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      return e.toString();
    }
  }

  /** Every row is there once, with the edited image of the undisturbed run. */
  private void requireAllRows() throws IOException {
    Map<String, Row> results = JobConsole.results(session.spark(), output().toString());
    assertEquals(ROWS, results.size(), results.toString());
    results.forEach((id, row) -> assertEquals("OK", row.getAs("status"), id + row.getAs("error")));
    assertEquals(calm, images(output()));
  }

  private static Map<String, String> images(Path output) throws IOException {
    Map<String, String> images = new TreeMap<>();
    try (Stream<Path> files = Files.list(output.resolve("images"))) {
      for (Path file : files.toList()) {
        images.put(file.getFileName().toString(), Sha256.hex(Files.readAllBytes(file)));
      }
    }
    assertEquals(ROWS, images.size(), images.toString());
    return images;
  }

  private static Path copyOfModel(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(TINY)) {
      for (Path file : files.filter(f -> !f.startsWith(TINY.resolve("examples"))).toList()) {
        Files.copy(file, folder.resolve(TINY.relativize(file).toString()));
      }
    }
    return folder;
  }

  private static void remove(Path folder) throws IOException {
    try (Stream<Path> all = Files.walk(folder)) {
      for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
  }
}
