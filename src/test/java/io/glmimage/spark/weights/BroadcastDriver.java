package io.glmimage.spark.weights;

import io.glmimage.bench.ProcessMemory;
import io.glmimage.error.GlmImageException;
import io.glmimage.io.LocalFileSource;
import io.glmimage.spark.Meeting;
import io.glmimage.spark.engine.GpuAssignment;
import io.glmimage.weights.CheckpointFiles;
import java.io.IOException;
import java.io.InputStream;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkEnv;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.storage.BroadcastBlockId;

/**
 * A driver program for the tests. It runs in a separate process, so that its heap can be limited.
 * Prints its observations as lines {@code RESULT scenario.name=value}.
 *
 * <p>Arguments: the master, then for each scenario {@code scenario|model|plan|cache folder}. The
 * scenarios run one after the other in one session. Chunks have {@link #CHUNK_BYTES}.
 */
public final class BroadcastDriver {
  static final int CHUNK_BYTES = 8 << 20;

  /** In executors: a folder whose content was digested. */
  private static final Map<String, String> DIGESTED = new ConcurrentHashMap<>();

  private static String prefix = "";

  private BroadcastDriver() {}

  /** The model as seen by a task. */
  record Seen(String executor, long pid, String folder, String sha) implements Serializable {}

  public static void main(String[] args) throws Exception {
    SparkConf conf = new SparkConf().setAppName("broadcast-test").setMaster(args[0]);
    try (JavaSparkContext spark = new JavaSparkContext(conf)) {
      result("app", spark.sc().applicationId());
      for (String scenario : List.of(args).subList(1, args.length)) {
        String[] parts = scenario.split("\\|");
        prefix = parts[0] + ".";
        long start = System.nanoTime();
        try {
          run(spark, parts[0], parts[1], WeightsMode.parse(parts[2]), parts[3]);
        } catch (Exception e) {
          // Other tests cover the other scenarios.
          result("failed", failure(e));
        }
        result("seconds", (System.nanoTime() - start) / 1_000_000_000);
      }
    }
  }

  private static void run(
      JavaSparkContext spark, String scenario, String model, WeightsMode plan, String cache)
      throws Exception {
    WeightsOptions options =
        WeightsOptions.defaults().withCacheDir(cache).withChunkBytes(CHUNK_BYTES);
    switch (scenario) {
      case "twice" -> {
        send(spark, model, plan, options);
        prefix = "again.";
        send(spark, model, plan, options);
      }
      case "shared", "direct" -> send(spark, model, plan, options);
      case "killAfter" -> killAfter(spark, model, plan, options);
      case "killDuring" -> killDuring(spark, model, plan, options);
      case "late" -> late(spark, model, plan, options);
      case "change" -> change(spark, model, plan, options);
      case "gpu" -> gpu(spark);
      default -> throw new IllegalArgumentException(scenario);
    }
  }

  /** The innermost message of this program in an exception that Spark wrapped, else all. */
  private static String failure(Throwable e) {
    for (Throwable t = e; t != null; t = t.getCause()) {
      String message = String.valueOf(t.getMessage());
      if (message.contains("it changed while it was read")) {
        return message.lines().findFirst().orElse("");
      }
    }
    e.printStackTrace();
    return e.toString();
  }

  private static void send(
      JavaSparkContext spark, String model, WeightsMode plan, WeightsOptions options)
      throws Exception {
    List<Integer> chunks = new ArrayList<>();
    try (WeightsHandle handle =
        WeightsDistribution.start(
            spark, model, plan, options, s -> chunks.add(s.chunks().sent()))) {
      handle.distribute();
      look(spark, handle);
      result("callbacks", chunks.size());
    }
    result("blocksLeft", blocksLeft(spark));
  }

  private static void killAfter(
      JavaSparkContext spark, String model, WeightsMode plan, WeightsOptions options)
      throws Exception {
    try (WeightsHandle handle = WeightsDistribution.start(spark, model, plan, options, s -> {})) {
      handle.distribute();
      Map<String, Seen> before = seen(spark, handle.ref());
      Seen victim = before.values().iterator().next();
      kill(victim.pid());
      look(spark, handle);
      result("victim", victim.executor());
    }
  }

  private static void killDuring(
      JavaSparkContext spark, String model, WeightsMode plan, WeightsOptions options)
      throws Exception {
    Map<String, Long> pids = pids(spark);
    String victim = pids.keySet().iterator().next();
    AtomicBoolean done = new AtomicBoolean();
    Consumer<WeightsStatus> killer =
        s -> {
          if (s.chunks().sent() >= 3
              && s.nodes().complete() == 0
              && done.compareAndSet(false, true)) {
            kill(pids.get(victim));
            result("killedAtChunk", s.chunks().sent());
          }
        };
    // Longer than the interval at which a node reports that it is alive.
    Duration silence = Duration.ofSeconds(7);
    WeightsDistribution.Found found = WeightsDistribution.look(spark, model);
    try (WeightsHandle handle =
        WeightsDistribution.start(spark, model, found, plan, options, silence, killer)) {
      handle.distribute();
      look(spark, handle);
      result("victim", victim);
    }
  }

  /** A second worker joins after the first one's executor has received the model. */
  private static void late(
      JavaSparkContext spark, String model, WeightsMode plan, WeightsOptions options)
      throws Exception {
    // Waits for the first executor.
    spark.parallelize(List.of(0), 1).count();
    try (WeightsHandle handle = WeightsDistribution.start(spark, model, plan, options, s -> {})) {
      handle.distribute();
      result("first", handle.status().nodes().complete());
      look(spark, handle);
    }
  }

  /** The model is modified while it is sent. */
  private static void change(
      JavaSparkContext spark, String model, WeightsMode plan, WeightsOptions options)
      throws Exception {
    Path file;
    try (var all = Files.walk(Path.of(java.net.URI.create(model)))) {
      file = all.filter(p -> p.toString().endsWith(".safetensors")).findFirst().orElseThrow();
    }
    Consumer<WeightsStatus> writer =
        s -> {
          if (s.chunks().sent() > 0) {
            try {
              Files.setLastModifiedTime(file, java.nio.file.attribute.FileTime.fromMillis(12345));
            } catch (IOException e) {
              throw new java.io.UncheckedIOException(e);
            }
          }
        };
    try (WeightsHandle handle = WeightsDistribution.start(spark, model, plan, options, writer)) {
      handle.distribute();
    }
  }

  private static void gpu(JavaSparkContext spark) throws IOException {
    List<String> devices = onBoth(spark, () -> GpuAssignment.ofTask().orElse("none"));
    result("devices", String.join(",", new java.util.TreeSet<>(devices)));
    result(
        "refusal",
        spark
            .parallelize(List.of(0), 1)
            .map(
                i -> {
                  try {
                    return GpuAssignment.device(
                            GpuAssignment.ofTask(),
                            false,
                            0,
                            null,
                            new GpuAssignment.Cuda(0, "no CUDA in this test"))
                        .toString();
                  } catch (GlmImageException e) {
                    return e.getMessage();
                  }
                })
            .first());
  }

  private static void look(JavaSparkContext spark, WeightsHandle handle) throws IOException {
    Map<String, Seen> seen = seen(spark, handle.ref());
    result("executors", String.join(",", seen.keySet()));
    result("folders", seen.values().stream().map(Seen::folder).distinct().count());
    result("folder", seen.values().iterator().next().folder());
    result("shas", String.join(",", seen.values().stream().map(Seen::sha).distinct().toList()));
    WeightsStatus s = handle.status();
    result("complete", s.nodes().complete());
    result("reused", s.nodes().reused());
    result("read", s.readBytes());
    result("sent", s.chunks().sent());
    result("repeated", s.chunks().repeated());
    result("fromNodes", s.chunks().fromNodes());
    result("inFlightPeak", s.chunks().inFlightPeak());
    result("megabytesPerSecond", Math.round(s.megabytesPerSecond()));
    result("driverHeapPeak", ProcessMemory.peakHeapBytes());
    result("driverResidentPeak", ProcessMemory.peakResidentBytes());
    result("nodeHeapPeak", s.nodes().peakHeapBytes());
    result("nodeResidentPeak", s.nodes().peakResidentBytes());
  }

  /** What a task does on an executor. */
  private interface Work<T> extends Serializable {
    T call() throws Exception;
  }

  /**
   * The answers of two executors, each of which runs one task at a time. Waits until there are two.
   */
  private static <T> List<T> onBoth(JavaSparkContext spark, Work<T> work) throws IOException {
    Path meeting = Files.createTempDirectory("meeting");
    String path = meeting.toString();
    try {
      return spark
          .parallelize(List.of(0, 1), 2)
          .map(
              i -> {
                T answer = work.call();
                Meeting.attend(Path.of(path), 2);
                return answer;
              })
          .collect();
    } finally {
      remove(meeting);
    }
  }

  private static void remove(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : (Iterable<Path>) files::iterator) {
        Files.delete(file);
      }
    }
    Files.delete(folder);
  }

  private static Map<String, Seen> seen(JavaSparkContext spark, WeightsRef ref) throws IOException {
    Map<String, Seen> byExecutor = new LinkedHashMap<>();
    onBoth(
            spark,
            () -> {
              Path folder = ref.localFolder();
              return new Seen(
                  SparkEnv.get().executorId(),
                  ProcessHandle.current().pid(),
                  folder.toString(),
                  DIGESTED.computeIfAbsent(folder.toString(), f -> shaOf(folder)));
            })
        .forEach(s -> byExecutor.put(s.executor(), s));
    return byExecutor;
  }

  private static Map<String, Long> pids(JavaSparkContext spark) throws IOException {
    Map<String, Long> pids = new LinkedHashMap<>();
    onBoth(spark, () -> SparkEnv.get().executorId() + " " + ProcessHandle.current().pid())
        .forEach(s -> pids.put(s.split(" ")[0], Long.parseLong(s.split(" ")[1])));
    return pids;
  }

  /** Ends a process without warning, and waits for its end. */
  private static void kill(long pid) {
    ProcessHandle victim = ProcessHandle.of(pid).orElseThrow();
    victim.destroyForcibly();
    victim.onExit().join();
  }

  /** The chunks that the driver and the executors still offer. */
  private static int blocksLeft(JavaSparkContext spark) throws IOException {
    return blocksOfThisProcess()
        + onBoth(spark, BroadcastDriver::blocksOfThisProcess).stream().mapToInt(n -> n).sum();
  }

  static int blocksOfThisProcess() {
    return SparkEnv.get()
        .blockManager()
        .getMatchingBlockIds(
            id ->
                id instanceof BroadcastBlockId block
                    && block.broadcastId() >= ChunkBlocks.FIRST_NUMBER)
        .size();
  }

  private static void result(String name, Object value) {
    System.out.println("RESULT " + prefix + name + "=" + value);
  }

  private static String shaOf(Path folder) {
    try {
      return sha(folder);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  /** The SHA-256 of all files of a model folder and their names. */
  public static String sha(Path folder) throws IOException {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      var files = new ArrayList<>(new LocalFileSource(folder).list());
      files.removeIf(f -> !CheckpointFiles.belongs(f.path()));
      files.sort(Comparator.comparing(f -> f.path()));
      byte[] buffer = new byte[1 << 20];
      for (var file : files) {
        digest.update(
            (file.path() + "\0" + file.size()).getBytes(java.nio.charset.StandardCharsets.UTF_8));
        try (InputStream in = Files.newInputStream(folder.resolve(file.path()))) {
          for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
            digest.update(buffer, 0, n);
          }
        }
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
