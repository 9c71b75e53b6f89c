package io.glmimage.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.glmimage.bench.SyntheticCheckpoint;
import io.glmimage.error.WeightsException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The distribution of weights in real Spark sessions: threads, {@code local-cluster} processes, and
 * a standalone master with two workers. On one machine, executors are as good as nodes of their own
 * when the cache is a path relative to their working folder.
 */
@Tag("broadcast")
@Tag("spark")
class WeightsBroadcastTest {
  private static final long BYTES = 300L << 20;
  private static final long SMALL_BYTES = 64L << 20;
  private static final String HEAP = "224m";
  private static final String CLUSTER = "local-cluster[2,1,224]";

  @TempDir static Path shared;
  private static Path model;
  private static String sha;
  private static Path small;
  private static String smallSha;

  @TempDir Path work;

  @BeforeAll
  static void writeModel() throws IOException {
    model = SyntheticCheckpoint.write(Files.createDirectory(shared.resolve("model")), BYTES, 3);
    sha = BroadcastDriver.sha(model);
    small =
        SyntheticCheckpoint.write(Files.createDirectory(shared.resolve("small")), SMALL_BYTES, 5);
    smallSha = BroadcastDriver.sha(small);
  }

  /** {@code local-cluster} keeps its executors' folders below SPARK_HOME. */
  @AfterAll
  static void removeExecutorFolders() throws IOException {
    for (String app : APPS) {
      removeWorkFolder(app);
    }
  }

  static void removeWorkFolder(String app) throws IOException {
    Path folder = SparkProcess.home().orElseThrow().resolve("work").resolve(app);
    if (Files.exists(folder)) {
      try (Stream<Path> all = Files.walk(folder)) {
        for (Path p : all.sorted(java.util.Comparator.reverseOrder()).toList()) {
          Files.deleteIfExists(p);
        }
      }
    }
  }

  private static final List<String> APPS = new ArrayList<>();

  @Test
  void localModeUsesALocalFolderInPlaceAndCachesAnyOther() throws Exception {
    Path tiny = SyntheticCheckpoint.write(Files.createDirectory(work.resolve("tiny")), 5 << 20, 9);
    SparkConf conf =
        new SparkConf()
            .setAppName("local")
            .setMaster("local[2]")
            .set("spark.ui.enabled", "false")
            .set("spark.driver.host", "127.0.0.1")
            .set("spark.hadoop.fs.elsewhere.impl", SchemeFileSystem.class.getName());
    WeightsOptions options =
        WeightsOptions.defaults().withCacheDir(work.resolve("cache").toString());
    try (JavaSparkContext spark = new JavaSparkContext(conf)) {
      assertEquals(Set.of(tiny.toString()), folders(spark, tiny.toString(), "broadcast", options));
      assertTrue(Files.notExists(work.resolve("cache")));

      Set<String> cached = folders(spark, "elsewhere://" + tiny, "broadcast", options);
      assertEquals(1, cached.size());
      Path folder = Path.of(cached.iterator().next());
      assertTrue(folder.startsWith(work.resolve("cache/entries")), folder.toString());
      assertEquals(BroadcastDriver.sha(tiny), BroadcastDriver.sha(folder));

      assertEquals(
          Set.of(folder.toString()), folders(spark, tiny.toString(), "local:" + folder, options));
      Files.delete(folder.resolve("transformer/config.json"));
      assertTrue(
          failure(spark, tiny.toString(), "local:" + folder, options)
              .contains("transformer/config.json is missing"));
      assertTrue(
          failure(spark, tiny.toString(), "local:/nowhere", options)
              .contains("there is no such folder"));
      assertTrue(
          assertThrows(
                  WeightsException.class,
                  () -> folders(spark, work.resolve("absent").toString(), "broadcast", options))
              .getMessage()
              .contains("Cannot read model"));
    }
  }

  @Test
  void sendsToEveryNodeOnceUnderSmallHeapsAndReusesIt() throws Exception {
    Map<String, String> seen = cluster(model, "broadcast", "cache", "twice");
    assertEquals(sha, seen.get("shas"));
    assertEquals("2", seen.get("folders"));
    // The second distribution of the same session sends nothing.
    assertEquals("2", seen.get("reused"));
    assertEquals("0", seen.get("sent"));
    assertEquals("0", seen.get("blocksLeft"));
    assertEquals("2", seen.get("first.complete"));
    long read = Long.parseLong(seen.get("first.read"));
    assertTrue(read >= BYTES && read < 2 * BYTES, "one reading serves both nodes: " + read);
    assertTrue(
        Integer.parseInt(seen.get("first.inFlightPeak")) <= WeightsBroadcastServer.WINDOW + 1);
  }

  @Test
  void executorsOfOneNodeShareOneCopy() throws Exception {
    Map<String, String> seen =
        cluster(small, "broadcast", work.resolve("cache").toString(), "send");
    assertEquals("1", seen.get("folders"));
    assertEquals("1", seen.get("complete"));
    assertEquals("0", seen.get("repeated"));
    assertEquals(smallSha, seen.get("shas"));
  }

  @Test
  void anExecutorKilledWhileReceivingIsReplacedAndItsSuccessorServed() throws Exception {
    Map<String, String> seen = cluster(small, "broadcast", "cache", "killDuring");
    assertEquals(smallSha, seen.get("shas"));
    assertEquals("2", seen.get("folders"));
    assertTrue(Integer.parseInt(seen.get("killedAtChunk")) >= 3);
    assertTrue(!List.of(seen.get("executors").split(",")).contains(seen.get("victim")));
  }

  @Test
  void anExecutorThatReplacesALostOneGetsTheWeightsLater() throws Exception {
    Map<String, String> seen = cluster(small, "broadcast", "cache", "killAfter");
    assertEquals(smallSha, seen.get("shas"));
    assertEquals("2", seen.get("folders"));
    assertTrue(Integer.parseInt(seen.get("repeated")) > 0);
    assertTrue(!List.of(seen.get("executors").split(",")).contains(seen.get("victim")));
  }

  @Test
  void everyNodeReadsDirectly() throws Exception {
    Map<String, String> seen = cluster(small, "direct", "cache", "send");
    assertEquals(smallSha, seen.get("shas"));
    assertEquals("2", seen.get("folders"));
    assertEquals("0", seen.get("sent"));
  }

  @Test
  void aModelWrittenToWhileItIsSentFailsTheJobWithItsName() throws Exception {
    Path mine = SyntheticCheckpoint.write(Files.createDirectory(work.resolve("m")), 64 << 20, 4);
    Map<String, String> seen = cluster(mine, "broadcast", "cache", "change");
    assertTrue(
        String.valueOf(seen.get("failed")).contains(mine + ": it changed while it was read"),
        seen.toString());
  }

  @Test
  void tasksUseTheGpuThatSparkAssigned() throws Exception {
    Path script = work.resolve("gpus.sh");
    Files.writeString(script, "#!/bin/sh\necho '{\"name\": \"gpu\", \"addresses\": [\"5\"]}'\n");
    assertTrue(script.toFile().setExecutable(true));
    Map<String, String> settings = SparkProcess.settings(HEAP);
    settings.put("spark.worker.resource.gpu.amount", "1");
    settings.put("spark.worker.resource.gpu.discoveryScript", script.toString());
    settings.put("spark.executor.resource.gpu.amount", "1");
    settings.put("spark.task.resource.gpu.amount", "1");
    Map<String, String> seen = cluster(small, "broadcast", "cache", "gpu", settings);
    assertEquals("0=5,1=5", seen.get("devices"));
    assertTrue(seen.get("refusal").contains("Cannot use GPU 5, which Spark assigned"));
  }

  @Test
  void aStandaloneClusterServesAWorkerThatJoinsLate() throws Exception {
    assumeTrue(SparkProcess.home().isPresent(), "needs SPARK_HOME or -Dspark.home");
    List<Process> started = new ArrayList<>();
    try {
      int port = freePort();
      String url = "spark://127.0.0.1:" + port;
      started.add(
          SparkProcess.java(
              work,
              work.resolve("master.log"),
              "128m",
              Map.of("spark.ui.enabled", "false"),
              "org.apache.spark.deploy.master.Master",
              "--host",
              "127.0.0.1",
              "--port",
              "" + port,
              "--webui-port",
              "" + freePort()));
      started.add(worker(url, "one"));
      Path flag = work.resolve("second-worker-please");
      Path log = work.resolve("driver.log");
      Process driver =
          SparkProcess.java(
              work,
              log,
              HEAP,
              SparkProcess.settings(HEAP),
              BroadcastDriver.class,
              url,
              small.toString(),
              "broadcast",
              "cache",
              "8",
              "late",
              flag.toString());
      started.add(driver);
      Thread second =
          new Thread(
              () -> {
                try {
                  while (driver.isAlive() && Files.notExists(flag)) {
                    Thread.sleep(100);
                  }
                  synchronized (started) {
                    started.add(worker(url, "two"));
                  }
                } catch (IOException | InterruptedException e) {
                  throw new IllegalStateException(e);
                }
              });
      second.setDaemon(true);
      second.start();
      Map<String, String> seen = SparkProcess.results(driver, log);
      assertEquals("1", seen.get("first"));
      assertEquals("2", seen.get("complete"));
      assertEquals("2", seen.get("folders"));
      assertEquals(smallSha, seen.get("shas"));
      second.join();
    } finally {
      synchronized (started) {
        for (Process process : started) {
          // Executors are children of workers.
          process.descendants().forEach(ProcessHandle::destroyForcibly);
          process.destroyForcibly().waitFor();
        }
      }
    }
  }

  @Test
  void plansAreParsedAndOthersRefused() {
    assertEquals(WeightsPlan.Mode.BROADCAST, WeightsPlan.parse("broadcast").mode());
    assertEquals("/models/a", WeightsPlan.parse("local:/models/a").path());
    assertEquals("direct", WeightsPlan.parse("direct").toString());
    for (String wrong : List.of("", "local", "local:", "Broadcast", "peer")) {
      assertEquals(
          "Invalid weights: " + wrong + ", expected broadcast | local:PATH | direct",
          assertThrows(WeightsException.class, () -> WeightsPlan.parse(wrong)).getMessage());
    }
    assertThrows(WeightsException.class, () -> WeightsOptions.defaults().withChunkBytes(5));
  }

  @Test
  void theCacheIsOnSparksScratchDiskAndEachUsersOwn() {
    assertEquals(
        Path.of("/tmp/glm-image-weights-ann"),
        WeightsCacheFolder.standard(Map.of(), "/tmp", "ann"));
    assertEquals(
        Path.of("/disk1/glm-image-weights-a_b"),
        WeightsCacheFolder.standard(Map.of("SPARK_LOCAL_DIRS", "/disk1,/disk2"), "/tmp", "a/b"));
    assertNotEquals(
        WeightsCacheFolder.standard(Map.of(), "/tmp", "ann"),
        WeightsCacheFolder.standard(Map.of(), "/tmp", "bob"));
  }

  private Map<String, String> cluster(Path model, String plan, String cache, String scenario)
      throws Exception {
    return cluster(model, plan, cache, scenario, SparkProcess.settings(HEAP));
  }

  private Map<String, String> cluster(
      Path model, String plan, String cache, String scenario, Map<String, String> settings)
      throws Exception {
    assumeTrue(SparkProcess.home().isPresent(), "needs SPARK_HOME or -Dspark.home");
    Path log = work.resolve("driver.log");
    Map<String, String> results =
        SparkProcess.results(
            SparkProcess.java(
                work,
                log,
                HEAP,
                settings,
                BroadcastDriver.class,
                CLUSTER,
                model.toUri().toString(),
                plan,
                cache,
                "8",
                scenario),
            log);
    APPS.add(results.get("app"));
    return results;
  }

  private Process worker(String master, String name) throws IOException {
    Path folder = Files.createDirectory(work.resolve(name));
    return SparkProcess.java(
        folder,
        work.resolve(name + ".log"),
        "128m",
        Map.of("spark.worker.ui.enabled", "false"),
        "org.apache.spark.deploy.worker.Worker",
        "--host",
        "127.0.0.1",
        "--cores",
        "1",
        "--memory",
        HEAP,
        "--webui-port",
        "" + freePort(),
        "--work-dir",
        folder.toString(),
        master);
  }

  private static int freePort() throws IOException {
    try (java.net.ServerSocket socket = new java.net.ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }

  private static Set<String> folders(
      JavaSparkContext spark, String model, String plan, WeightsOptions options) {
    try (WeightsHandle handle =
        WeightsDistribution.start(spark, model, WeightsPlan.parse(plan), options, s -> {})) {
      handle.distribute();
      WeightsRef ref = handle.ref();
      return Set.copyOf(
          spark
              .parallelize(List.of(1, 2), 2)
              .map(i -> ref.localFolder().toString())
              .distinct()
              .collect());
    }
  }

  /** The message of the failure in tasks. */
  private static String failure(
      JavaSparkContext spark, String model, String plan, WeightsOptions options) {
    return assertThrows(Exception.class, () -> folders(spark, model, plan, options)).getMessage();
  }
}
