package io.glmimage.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.glmimage.pipeline.TestAdapter;
import io.glmimage.spark.FakeGpus;
import io.glmimage.spark.SparkProcess;
import io.glmimage.spark.StandaloneCluster;
import io.glmimage.spark.Until;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The whole job with the embedded model's checkpoint, which is sent to executors in separate
 * processes: {@code local-cluster}, and a standalone master with two workers. Every executor has a
 * GPU that does not exist, so that {@code --device cpu} must be given.
 */
@Tag("broadcast")
@Tag("spark")
class WeightsJobTest {
  private static final Path TINY = Path.of("src/main/resources/models/glm-image-tiny");
  private static final String HEAP = "512m";
  private static final int ROWS = 6;

  @TempDir private static Path shared;
  private static Path model;
  private static JobServer.Client cluster;

  /** The digests of the edited images with {@code --weights direct}, by file name. */
  private static Map<String, String> direct;

  @TempDir private Path work;

  @BeforeAll
  static void start() throws Exception {
    if (SparkProcess.home().isEmpty()) {
      return;
    }
    model = copyOfModel(shared.resolve("model"));
    manifest(shared, ROWS);
    Path log = shared.resolve("driver.log");
    cluster =
        new JobServer.Client(
            SparkProcess.java(
                shared,
                log,
                HEAP,
                settings(FakeGpus.settings(HEAP, shared)),
                JobServer.class,
                "local-cluster[2,1,512]"),
            log);
    Path output = shared.resolve("direct");
    assertDone(edit(cluster, output, model, "direct", "direct-cache"));
    direct = images(output);
    assertEquals(ROWS, direct.size());
  }

  @AfterAll
  static void stop() throws Exception {
    if (cluster != null) {
      cluster.close();
      SparkProcess.removeWorkFolder(cluster.application());
    }
  }

  @Test
  void broadcastGivesTheImagesOfDirectEvenIfAnExecutorDies() throws Exception {
    requireSpark();
    Path output = work.resolve("out");
    start(cluster, output, model, "broadcast", "node-cache");
    Until.holds("the job writes images", () -> Files.exists(output.resolve("images")));
    ProcessHandle victim = cluster.executors().get(0);
    assertTrue(victim.destroyForcibly());
    assertDone(cluster.outcome());
    assertEquals(direct, images(output));

    // The replacement executor has the model too, whenever it started.
    victim.onExit().get(1, TimeUnit.MINUTES);
    assertDone(cluster.run("executors", "2"));
    Path again = work.resolve("again");
    assertDone(edit(cluster, again, model, "broadcast", "node-cache"));
    assertEquals(direct, images(again));
    Path executors = SparkProcess.home().orElseThrow().resolve("work/" + cluster.application());
    assertTrue(cached(executors, "node-cache") >= 2, "every executor is a node of its own");
  }

  /** In the cache itself, {@code EntryCheckTest} damages copies. */
  @Test
  @Tag("slow")
  void aDamagedCopyInTheCacheIsReceivedAgain() throws Exception {
    requireSpark();
    Path cache = work.resolve("cache");
    Path output = work.resolve("out");
    assertDone(edit(cluster, output, model, "broadcast", cache.toString()));
    Path weights = weights(children(cache.resolve("entries"), "").get(0));
    flip(weights, Files.size(weights) / 2);

    // Executors that have loaded the model do not read it again, so new ones are started.
    cluster.executors().forEach(ProcessHandle::destroyForcibly);
    Path again = work.resolve("again");
    assertDone(edit(cluster, again, model, "broadcast", cache.toString()));
    assertEquals(direct, images(again));
    assertEquals(-1, Files.mismatch(weights(model), weights));
  }

  @Test
  @Tag("slow")
  void aChangedModelIsSentAgainAndItsRowsAreEditedAgain() throws Exception {
    requireSpark();
    Path mine = copyOfModel(work.resolve("model"));
    Path cache = work.resolve("cache");
    Path output = work.resolve("out");
    assertDone(edit(cluster, output, mine, "broadcast", cache.toString()));
    JobServer.Outcome unchanged = edit(cluster, output, mine, "broadcast", cache.toString());
    assertTrue(
        unchanged.said().contains(ROWS + " of " + ROWS + " rows are already finished"),
        unchanged::said);
    Map<String, String> before = images(output);

    // The same tensors with other values, as after more training.
    Path weights = weights(mine);
    for (long at = Files.size(weights) / 2; at < Files.size(weights) - 1000; at += 501) {
      flip(weights, at);
    }
    JobServer.Outcome changed = edit(cluster, output, mine, "broadcast", cache.toString());
    assertDone(changed);
    assertFalse(changed.said().contains("rows are already finished"), changed::said);
    assertEquals(2, children(cache.resolve("entries"), ".json").size());
    assertNotEquals(before, images(output));
  }

  @Test
  void aDiskThatIsTooSmallForTheModelEndsTheJobAndIsNamed() throws Exception {
    requireSpark();
    Path disk = Files.createDirectory(work.resolve("disk"));
    assumeTrue(
        new ProcessBuilder("mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk.toString())
                .redirectErrorStream(true)
                .start()
                .waitFor()
            == 0,
        "mounting a small disk needs root");
    try {
      Path cache = disk.resolve("cache");
      JobServer.Outcome end =
          edit(cluster, work.resolve("out"), model, "broadcast", cache.toString());
      assertEquals(ExitCode.JOB_FAILED, end.code(), end::said);
      assertTrue(
          end.said().contains("Cannot cache model " + model + " in " + cache + ": it needs 13 MiB"),
          end::said);
      assertTrue(end.said().contains("free some or choose another cache folder"), end::said);
    } finally {
      assertEquals(0, new ProcessBuilder("umount", disk.toString()).start().waitFor());
    }
  }

  @Test
  void aClusterUsesTheDemonstrationModelOnlyIfItIsNamed() throws Exception {
    requireSpark();
    JobServer.Outcome end =
        cluster.run(
            "edit",
            "--manifest",
            shared.resolve("manifest.jsonl").toString(),
            "--output",
            work.resolve("out").toString());
    assertEquals(ExitCode.USAGE, end.code(), end::said);
    assertTrue(end.said().contains("Cannot edit on a cluster without --model"), end::said);
    assertFalse(Files.exists(work.resolve("out")));
  }

  @Test
  void aGpuThatSparkPromisesAndLibtorchCannotUseEndsTheJob() throws Exception {
    requireSpark();
    JobServer.Outcome end =
        cluster.run(
            "edit",
            "--model",
            "demo",
            "--manifest",
            shared.resolve("manifest.jsonl").toString(),
            "--output",
            work.resolve("out").toString());
    assertEquals(ExitCode.JOB_FAILED, end.code(), end::said);
    assertTrue(
        end.said().matches("(?s).*Cannot use GPU [57], which Spark assigned: .*profile.*"),
        end::said);
  }

  @Test
  void theModelOfAnImageEditorIsBroadcastToo() throws Exception {
    requireSpark();
    Map<String, String> expected = null;
    for (String weights : List.of("broadcast", "direct", "local:" + model)) {
      Path output = work.resolve(weights.substring(0, 5));
      assertDone(
          cluster.run(
              "editor",
              shared.resolve("absolute.jsonl").toString(),
              output.toString(),
              model.toUri().toString(),
              weights));
      Map<String, String> images = images(output);
      assertEquals(ROWS, images.size());
      assertEquals(expected == null ? images : expected, images, weights);
      expected = images;
    }
    assertTrue(new HashSet<>(expected.values()).size() > 1);
  }

  @Test
  @Tag("slow")
  void twoWorkersOfAStandaloneMasterGiveTheSameImagesEvenIfOneJoinsLate() throws Exception {
    requireSpark();
    try (StandaloneCluster standalone = new StandaloneCluster(work, HEAP)) {
      standalone.addWorker();
      Path log = work.resolve("driver.log");
      JobServer.Client driver =
          new JobServer.Client(
              standalone.add(
                  SparkProcess.java(
                      work,
                      log,
                      HEAP,
                      settings(FakeGpus.executorSettings(HEAP)),
                      JobServer.class,
                      standalone.url())),
              log);
      Path output = work.resolve("out");
      start(driver, output, model, "broadcast", "node-cache");
      Until.holds("the job writes images", () -> Files.exists(output.resolve("images")));
      standalone.addWorker();
      assertDone(driver.outcome());
      assertEquals(direct, images(output));

      assertDone(driver.run("executors", "2"));
      Path again = work.resolve("again");
      assertDone(edit(driver, again, model, "broadcast", "node-cache"));
      assertEquals(direct, images(again));
      for (int worker = 1; worker <= 2; worker++) {
        assertEquals(1, cached(standalone.workerFolder(worker), "node-cache"), "worker " + worker);
      }
      driver.close();
    }
  }

  @Test
  void adaptersReachTheExecutorsByEveryWay() throws Exception {
    requireSpark();
    Path adapter = TestAdapter.write(work.resolve("adapter"), 1);
    Map<String, String> expected = null;
    for (String weights : List.of("direct", "broadcast", "local:" + model)) {
      Path output = work.resolve(weights.substring(0, 5));
      start(cluster, output, model, weights, "node-cache", "--lora", adapter + "=0.5");
      assertDone(cluster.outcome());
      Map<String, String> images = images(output);
      assertEquals(direct.keySet(), images.keySet());
      assertEquals(expected == null ? images : expected, images, weights);
      expected = images;
    }
    for (String name : direct.keySet()) {
      assertNotEquals(direct.get(name), expected.get(name), name);
    }
    Path executors = SparkProcess.home().orElseThrow().resolve("work/" + cluster.application());
    assertTrue(cached(executors, "node-cache") >= 4, "model and adapter on every node");
  }

  private static void requireSpark() {
    assumeTrue(
        cluster != null,
        "Skipped: no Spark installation; give one with -Dspark.home or SPARK_HOME");
  }

  private static Map<String, String> settings(Map<String, String> settings) {
    settings.put("spark.executor.extraClassPath", SparkProcess.classesWithoutSpark());
    settings.put("spark.sql.shuffle.partitions", "4");
    settings.put("spark.executorEnv.OMP_NUM_THREADS", "1");
    // These executors run for seconds, so optimizing their code costs more than it saves.
    settings.put("spark.executor.extraJavaOptions", SparkProcess.SHORT_LIVED);
    return settings;
  }

  private static JobServer.Outcome edit(
      JobServer.Client driver, Path output, Path model, String weights, String cache)
      throws IOException {
    start(driver, output, model, weights, cache);
    return driver.outcome();
  }

  private static void start(
      JobServer.Client driver,
      Path output,
      Path model,
      String weights,
      String cache,
      String... more)
      throws IOException {
    List<String> words = new ArrayList<>();
    Collections.addAll(
        words,
        "edit",
        "--manifest",
        shared.resolve("manifest.jsonl").toString(),
        "--output",
        output.toString(),
        "--model",
        model.toString(),
        "--weights",
        weights,
        "--weights-cache",
        cache,
        "--weights-chunk-mb",
        "2",
        "--device",
        "cpu",
        "--height",
        "32",
        "--width",
        "32",
        "--steps",
        "2",
        "--batch-size",
        "1",
        "--partitions",
        "4",
        "--commit-seconds",
        "0");
    words.addAll(List.of(more));
    driver.start(words.toArray(String[]::new));
  }

  private static void assertDone(JobServer.Outcome outcome) {
    assertEquals(ExitCode.DONE, outcome.code(), outcome::said);
  }

  /** Copies the checkpoint's files with their modification times. */
  private static Path copyOfModel(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(TINY)) {
      for (Path file : files.filter(f -> !f.startsWith(TINY.resolve("examples"))).toList()) {
        Files.copy(file, folder.resolve(TINY.relativize(file).toString()));
      }
    }
    return folder;
  }

  /** Rows with relative paths for the job, and with absolute ones for the editor. */
  private static void manifest(Path folder, int rows) throws IOException {
    Files.copy(TINY.resolve("examples/01_recolor_green.png"), folder.resolve("source.png"));
    List<String> beside = new ArrayList<>();
    List<String> absolute = new ArrayList<>();
    for (int i = 0; i < rows; i++) {
      String line = "{\"id\": \"r%d\", \"image_paths\": [\"%s\"], \"prompt\": \"circle %d\"}";
      beside.add(line.formatted(i, "source.png", i));
      absolute.add(line.formatted(i, folder.resolve("source.png"), i));
    }
    Files.write(folder.resolve("manifest.jsonl"), beside);
    Files.write(folder.resolve("absolute.jsonl"), absolute);
  }

  private static Map<String, String> images(Path output) throws IOException {
    Map<String, String> digests = new TreeMap<>();
    for (Path file : children(output.resolve("images"), ".png")) {
      digests.put(file.getFileName().toString(), sha256(Files.readAllBytes(file)));
    }
    return digests;
  }

  private static String sha256(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  private static List<Path> children(Path folder, String suffix) throws IOException {
    try (Stream<Path> all = Files.list(folder)) {
      return all.filter(p -> p.toString().endsWith(suffix)).sorted().toList();
    }
  }

  /** The number of executor folders below {@code folder} with a complete model in the cache. */
  private static int cached(Path folder, String cache) throws IOException {
    Set<Path> entries = new HashSet<>();
    try (Stream<Path> all = Files.walk(folder)) {
      all.filter(p -> p.endsWith(cache) && Files.isDirectory(p.resolve("entries")))
          .forEach(entries::add);
    }
    int complete = 0;
    for (Path entry : entries) {
      complete += children(entry.resolve("entries"), ".json").size();
    }
    return complete;
  }

  private static Path weights(Path folder) {
    return folder.resolve("transformer/diffusion_pytorch_model.safetensors");
  }

  private static void flip(Path path, long at) throws IOException {
    try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
      file.seek(at);
      int value = file.read();
      file.seek(at);
      file.write(value ^ 1);
    }
  }
}
