package io.glmimage.bench;

import com.sun.management.OperatingSystemMXBean;
import io.glmimage.spark.weights.WeightsDistribution;
import io.glmimage.spark.weights.WeightsHandle;
import io.glmimage.spark.weights.WeightsMode;
import io.glmimage.spark.weights.WeightsOptions;
import io.glmimage.spark.weights.WeightsRef;
import io.glmimage.spark.weights.WeightsStatus;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkEnv;
import org.apache.spark.api.java.JavaSparkContext;

/**
 * Measures how long a large checkpoint takes to reach the executors: by broadcast, and with every
 * executor reading it itself. Each executor has its own cache, as if it were a node.
 *
 * <p>Arguments: an empty or new folder for the synthetic checkpoint or the URI of one, its size in
 * GB (10^9 bytes), Spark's master, the chunk size in MiB, the ways to measure ({@code
 * broadcast,direct,local:PATH}), and how often each is measured in one session. The program waits
 * for {@code -Dexecutors}, one by default. With two arguments it only writes the checkpoint.
 *
 * <p>The CPU seconds are those of all processes together, and depend less on other load. Young
 * processes spend most of them on compiling their code. Heaps are those of the command line and of
 * {@code spark.executor.memory}.
 */
public final class WeightsBroadcastBenchmark {
  private WeightsBroadcastBenchmark() {}

  public static void main(String[] args) throws Exception {
    String model = args[0].contains("://") ? args[0] : written(args[0], args[1]);
    if (args.length == 2) {
      return;
    }
    WeightsOptions options =
        WeightsOptions.defaults().withChunkBytes(Integer.parseInt(args[3]) << 20);
    for (String plan :
        args.length > 4 ? args[4].split(",") : new String[] {"broadcast", "direct"}) {
      measure(args[2], model, plan, options, args.length > 5 ? Integer.parseInt(args[5]) : 1);
    }
  }

  /** Writes the checkpoint unless it is there. */
  private static String written(String folder, String gigabytes) throws IOException {
    Path model = Files.createDirectories(Path.of(folder).toAbsolutePath());
    if (Files.notExists(model.resolve("model_index.json"))) {
      SyntheticCheckpoint.write(model, (long) (Double.parseDouble(gigabytes) * 1e9), 11);
    }
    return model.toUri().toString();
  }

  private static void measure(
      String master, String model, String plan, WeightsOptions options, int times)
      throws InterruptedException {
    SparkConf conf = new SparkConf().setAppName("weights-benchmark").setMaster(master);
    try (JavaSparkContext spark = new JavaSparkContext(conf)) {
      awaitExecutors(spark);
      for (int i = 0; i < times; i++) {
        // Executors hold the locks of their caches until they end.
        String cache = "weights-benchmark-" + i;
        measure(spark, model, plan, options.withCacheDir(cache));
      }
    }
  }

  private static void measure(
      JavaSparkContext spark, String model, String plan, WeightsOptions options)
      throws InterruptedException {
    try {
      try (WeightsHandle handle =
          WeightsDistribution.start(spark, model, WeightsMode.parse(plan), options, s -> {})) {
        double cpuBefore = cpuSeconds(spark);
        long start = System.nanoTime();
        handle.distribute();
        double seconds = (System.nanoTime() - start) / 1e9;
        double cpu = cpuSeconds(spark) - cpuBefore;
        WeightsStatus status = handle.status();
        Map<String, long[]> executors = executors(spark, handle.ref());
        long heap = executors.values().stream().mapToLong(m -> m[0]).max().orElse(0);
        long resident = executors.values().stream().mapToLong(m -> m[1]).max().orElse(0);
        System.out.printf(
            Locale.ROOT,
            "BENCH plan=%s GB=%.2f executors=%d seconds=%.1f cpu-seconds=%.1f MB/s-each=%.0f MB/s-all=%.0f"
                + " source-read-GB=%.2f chunks=%d repeated=%d from-nodes=%d in-flight-peak=%d"
                + " driver-heap-peak-MB=%d driver-resident-peak-MB=%d"
                + " executor-heap-peak-MB=%d executor-resident-peak-MB=%d%n",
            plan,
            status.totalBytes() / 1e9,
            executors.size(),
            seconds,
            cpu,
            status.totalBytes() / seconds / 1e6,
            status.totalBytes() * executors.size() / seconds / 1e6,
            (plan.equals("direct") ? status.totalBytes() * executors.size() : status.readBytes())
                / 1e9,
            status.chunks().sent(),
            status.chunks().repeated(),
            status.chunks().fromNodes(),
            status.chunks().inFlightPeak(),
            ProcessMemory.peakHeapBytes() / 1_000_000,
            ProcessMemory.peakResidentBytes() / 1_000_000,
            heap / 1_000_000,
            resident / 1_000_000);
      }
    } finally {
      removeCaches(spark, options.cacheDir());
    }
  }

  private static void awaitExecutors(JavaSparkContext spark) throws InterruptedException {
    int last = 0;
    int expected = Integer.getInteger("executors", 1);
    for (int stable = 0; stable < 3; ) {
      int now = spark.env().blockManager().master().getMemoryStatus().size();
      stable = now == last && now > expected ? stable + 1 : 0;
      last = now;
      Thread.sleep(1000);
    }
  }

  /** CPU seconds so far of this process and of every executor. */
  private static double cpuSeconds(JavaSparkContext spark) {
    Map<String, Double> executors = new TreeMap<>();
    spark
        .parallelize(List.of(0, 1, 2, 3, 4, 5, 6, 7), 8)
        .map(
            i -> {
              Thread.sleep(200);
              return SparkEnv.get().executorId() + " " + cpuSeconds();
            })
        .collect()
        .forEach(
            line -> {
              String[] parts = line.split(" ");
              executors.merge(parts[0], Double.parseDouble(parts[1]), Math::max);
            });
    return cpuSeconds() + executors.values().stream().mapToDouble(Double::doubleValue).sum();
  }

  private static double cpuSeconds() {
    return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getProcessCpuTime()
        / 1e9;
  }

  /** The peaks of heap and resident memory of every executor. */
  private static Map<String, long[]> executors(JavaSparkContext spark, WeightsRef ref) {
    Map<String, long[]> peaks = new TreeMap<>();
    spark
        .parallelize(List.of(0, 1, 2, 3, 4, 5, 6, 7), 8)
        .map(
            i -> {
              ref.localFolder();
              Thread.sleep(500);
              return SparkEnv.get().executorId()
                  + " "
                  + ProcessMemory.peakHeapBytes()
                  + " "
                  + ProcessMemory.peakResidentBytes();
            })
        .collect()
        .forEach(
            line -> {
              String[] parts = line.split(" ");
              peaks.put(parts[0], new long[] {Long.parseLong(parts[1]), Long.parseLong(parts[2])});
            });
    return peaks;
  }

  private static void removeCaches(JavaSparkContext spark, String cache) {
    spark
        .parallelize(List.of(0, 1, 2, 3, 4, 5, 6, 7), 8)
        .foreach(
            i -> {
              remove(Path.of(cache));
              Thread.sleep(500);
            });
  }

  private static void remove(Path folder) throws IOException {
    if (Files.exists(folder)) {
      try (Stream<Path> all = Files.walk(folder)) {
        for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
          Files.deleteIfExists(path);
        }
      }
    }
  }
}
