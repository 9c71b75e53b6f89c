package io.glmimage.spark.weights;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.glmimage.bench.SyntheticCheckpoint;
import io.glmimage.error.WeightsException;
import io.glmimage.spark.FakeGpus;
import io.glmimage.spark.SparkProcess;
import io.glmimage.spark.StandaloneCluster;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The distribution of weights in real Spark sessions: threads, {@code local-cluster} processes, and
 * a standalone master with two workers. With a cache path relative to its working folder, each
 * executor acts as a node.
 */
@Tag("broadcast")
@Tag("spark")
class WeightsBroadcastTest {
  private static final long BYTES = 256L << 20;
  private static final long SMALL_BYTES = 64L << 20;

  /** Less than the model. Spark's executors need at least 200 MiB of direct memory. */
  private static final String HEAP = "224m";

  private static final String CLUSTER = "local-cluster[2,1,224]";

  @TempDir static Path shared;
  private static String sha;
  private static Path small;
  private static String smallSha;

  /** The results of the scenarios on {@link #CLUSTER}; null without a Spark installation. */
  private static Map<String, String> seen;

  @TempDir Path work;

  /** All scenarios share a session, because starting Spark's processes takes longer than most. */
  @BeforeAll
  static void runScenarios() throws Exception {
    if (SparkProcess.home().isEmpty()) {
      return;
    }
    Path model = SyntheticCheckpoint.write(shared.resolve("model"), BYTES, 3);
    Path changing = SyntheticCheckpoint.write(shared.resolve("changing"), SMALL_BYTES, 4);
    small = SyntheticCheckpoint.write(shared.resolve("small"), SMALL_BYTES, 5);
    sha = BroadcastDriver.sha(model);
    smallSha = BroadcastDriver.sha(small);
    Path log = shared.resolve("driver.log");
    seen =
        SparkProcess.results(
            SparkProcess.java(
                shared,
                log,
                HEAP,
                FakeGpus.settings(HEAP, shared),
                BroadcastDriver.class,
                CLUSTER,
                scenario("gpu", small, "broadcast", "none"),
                scenario("twice", model, "broadcast", "cache"),
                scenario("direct", small, "direct", "direct-cache"),
                scenario("shared", small, "broadcast", shared.resolve("one-cache").toString()),
                scenario("change", changing, "broadcast", "cache"),
                scenario("killDuring", small, "broadcast", "during-cache"),
                scenario("killAfter", small, "broadcast", "after-cache")),
            log);
  }

  /** {@code local-cluster} creates its executors' folders below SPARK_HOME. */
  @AfterAll
  static void removeExecutorFolders() throws IOException {
    if (seen != null) {
      SparkProcess.removeWorkFolder(seen.get("app"));
    }
  }

  private static void requireSpark() {
    assumeTrue(seen != null, "Skipped: no Spark installation; give one with -Dspark.home");
  }

  private static String scenario(String name, Path model, String plan, String cache) {
    return String.join("|", name, model.toUri().toString(), plan, cache);
  }

  /** The results of a scenario, by name without the scenario. */
  private static Map<String, String> seen(String scenario) {
    requireSpark();
    Map<String, String> own = new TreeMap<>();
    seen.forEach(
        (name, value) -> {
          if (name.startsWith(scenario + ".")) {
            own.put(name.substring(scenario.length() + 1), value);
          }
        });
    assertFalse(own.isEmpty(), () -> scenario + " was not run: " + seen);
    return own;
  }

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
      flipMiddle(folder.resolve("transformer/diffusion_pytorch_model-00001-of-00001.safetensors"));
      assertTrue(
          failure(spark, tiny.toString(), "local:" + folder, options)
              .contains("configurations, tokenizer files, tensor headers or weights differ"));
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
  void sendsToEveryNodeOnceUnderSmallHeapsAndReusesIt() {
    Map<String, String> first = seen("twice");
    assertEquals(sha, first.get("shas"), first::toString);
    assertEquals("2", first.get("folders"));
    assertEquals("2", first.get("complete"));
    assertEquals("0", first.get("blocksLeft"));
    long read = Long.parseLong(first.get("read"));
    assertTrue(read >= BYTES && read < 2 * BYTES, "one reading serves both nodes: " + read);
    int fromNodes = Integer.parseInt(first.get("fromNodes"));
    assertTrue(fromNodes > 0, "nodes fetch from each other: " + first);
    int window = ChunkWindow.sizeFor(BroadcastDriver.CHUNK_BYTES, 224L << 20);
    assertTrue(Integer.parseInt(first.get("inFlightPeak")) <= window, first::toString);
    // The second distribution of the same session sends nothing.
    Map<String, String> again = seen("again");
    assertEquals(sha, again.get("shas"));
    assertEquals("2", again.get("reused"));
    assertEquals("0", again.get("sent"));
    assertEquals("0", again.get("blocksLeft"));
  }

  @Test
  void executorsOfOneNodeShareOneCopy() {
    Map<String, String> seen = seen("shared");
    assertEquals("1", seen.get("folders"), seen::toString);
    assertEquals("1", seen.get("complete"));
    assertEquals("0", seen.get("repeated"));
    assertEquals(smallSha, seen.get("shas"));
  }

  @Test
  void anExecutorKilledWhileReceivingIsReplacedAndItsSuccessorServed() {
    Map<String, String> seen = seen("killDuring");
    assertEquals(smallSha, seen.get("shas"), seen::toString);
    assertEquals("2", seen.get("folders"));
    assertTrue(Integer.parseInt(seen.get("killedAtChunk")) >= 3);
    assertFalse(List.of(seen.get("executors").split(",")).contains(seen.get("victim")));
  }

  @Test
  void anExecutorThatReplacesALostOneGetsTheWeightsLater() {
    Map<String, String> seen = seen("killAfter");
    assertEquals(smallSha, seen.get("shas"), seen::toString);
    assertEquals("2", seen.get("folders"));
    assertTrue(Integer.parseInt(seen.get("repeated")) > 0);
    assertFalse(List.of(seen.get("executors").split(",")).contains(seen.get("victim")));
  }

  @Test
  void everyNodeReadsDirectly() {
    Map<String, String> seen = seen("direct");
    assertEquals(smallSha, seen.get("shas"), seen::toString);
    assertEquals("2", seen.get("folders"));
    assertEquals("0", seen.get("sent"));
  }

  @Test
  void aModelWrittenToWhileItIsSentFailsTheJobWithItsName() {
    Map<String, String> seen = seen("change");
    assertTrue(
        String.valueOf(seen.get("failed"))
            .contains(shared.resolve("changing") + ": it changed while it was read"),
        seen::toString);
  }

  @Test
  void tasksUseTheGpuThatSparkAssigned() {
    Map<String, String> seen = seen("gpu");
    assertEquals(FakeGpus.ADDRESSES, Set.of(seen.get("devices").split(",")));
    assertTrue(
        seen.get("refusal").matches("Cannot use GPU [0-9]+, which Spark assigned: .*"),
        seen::toString);
  }

  /** {@code WeightsJobTest} has a worker that joins a job late. */
  @Test
  @Tag("slow")
  void aStandaloneClusterServesAWorkerThatJoinsLate() throws Exception {
    requireSpark();
    try (StandaloneCluster cluster = new StandaloneCluster(work, HEAP)) {
      cluster.addWorker();
      Path log = work.resolve("driver.log");
      Map<String, String> all =
          SparkProcess.results(
              cluster.add(
                  SparkProcess.java(
                      work,
                      log,
                      HEAP,
                      FakeGpus.executorSettings(HEAP),
                      BroadcastDriver.class,
                      cluster.url(),
                      scenario("late", small, "broadcast", "cache"),
                      scenario("gpu", small, "broadcast", "none"))),
              log,
              result -> {
                if (result.startsWith("late.first=")) {
                  cluster.addWorker();
                }
              });
      assertEquals("1", all.get("late.first"), all::toString);
      assertEquals("2", all.get("late.complete"));
      assertEquals("2", all.get("late.folders"));
      assertEquals(smallSha, all.get("late.shas"));
      assertEquals(FakeGpus.ADDRESSES, Set.of(all.get("gpu.devices").split(",")));
    }
  }

  @Test
  void plansAreParsedAndOthersRefused() {
    assertEquals(WeightsMode.Mode.BROADCAST, WeightsMode.parse("broadcast").mode());
    assertEquals("/models/a", WeightsMode.parse("local:/models/a").path());
    assertEquals("direct", WeightsMode.parse("direct").toString());
    for (String wrong : List.of("", "local", "local:", "Broadcast", "peer")) {
      assertEquals(
          "Invalid weights: " + wrong + ", expected broadcast | local:PATH | direct",
          assertThrows(WeightsException.class, () -> WeightsMode.parse(wrong)).getMessage());
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
    assertEquals(
        Path.of("/yarn/1/glm-image-weights-ann"),
        WeightsCacheFolder.standard(
            Map.of("SPARK_LOCAL_DIRS", "/disk1", "LOCAL_DIRS", "/yarn/1,/yarn/2"), "/tmp", "ann"));
    assertNotEquals(
        WeightsCacheFolder.standard(Map.of(), "/tmp", "ann"),
        WeightsCacheFolder.standard(Map.of(), "/tmp", "bob"));
  }

  private static Set<String> folders(
      JavaSparkContext spark, String model, String plan, WeightsOptions options) {
    try (WeightsHandle handle =
        WeightsDistribution.start(spark, model, WeightsMode.parse(plan), options, s -> {})) {
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
  /** Changes one byte in the middle of the file's only tensor. */
  private static void flipMiddle(Path file) throws IOException {
    try (RandomAccessFile bytes = new RandomAccessFile(file.toFile(), "rw")) {
      long middle = bytes.length() - (5 << 20) / 2;
      bytes.seek(middle);
      int old = bytes.read();
      bytes.seek(middle);
      bytes.write(old ^ 1);
    }
  }

  private static String failure(
      JavaSparkContext spark, String model, String plan, WeightsOptions options) {
    return assertThrows(Exception.class, () -> folders(spark, model, plan, options)).getMessage();
  }
}
