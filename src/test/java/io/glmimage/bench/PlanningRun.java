package io.glmimage.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.management.GarbageCollectionNotificationInfo;
import io.glmimage.job.EditImagesJob;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryType;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;
import javax.management.NotificationEmitter;
import javax.management.openmbean.CompositeData;
import org.apache.spark.sql.SparkSession;

/**
 * The process that {@link PlanningBenchmark} measures. Its last line is JSON. Arguments: {@code
 * write MODE ROWS MANIFEST}, or {@code job} and the job's arguments.
 */
public final class PlanningRun {
  private static final int FILES = 8;

  private PlanningRun() {}

  public static void main(String[] args) throws Exception {
    // Without the process that reads the figures, the run is useless.
    endWith(ProcessHandle.current().parent().orElseThrow());
    if (args[0].equals("write")) {
      write(args[1], Long.parseLong(args[2]), args[3]);
      System.out.println("\n{}");
      return;
    }
    AtomicLong liveBytes = new AtomicLong();
    AtomicLong collections = new AtomicLong();
    watchCollections(liveBytes, collections);
    var system =
        (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    double loadBefore = system.getSystemLoadAverage();
    long start = System.nanoTime();
    int exit = EditImagesJob.run(Arrays.copyOfRange(args, 1, args.length));
    Map<String, Object> figures = new LinkedHashMap<>();
    figures.put("exit", exit);
    figures.put("seconds", rounded((System.nanoTime() - start) / 1e9));
    figures.put("cpu_seconds", rounded(system.getProcessCpuTime() / 1e9));
    figures.put("heap_after_gc_peak_mb", liveBytes.get() / 1_000_000);
    figures.put("heap_peak_mb", ProcessMemory.peakHeapBytes() / 1_000_000);
    figures.put("resident_peak_mb", ProcessMemory.peakResidentBytes() / 1_000_000);
    figures.put("collections", collections.get());
    figures.put(
        "collection_seconds",
        rounded(
            ManagementFactory.getGarbageCollectorMXBeans().stream()
                    .mapToLong(GarbageCollectorMXBean::getCollectionTime)
                    .sum()
                / 1e3));
    figures.put("load_before", rounded(loadBefore));
    figures.put("load_after", rounded(system.getSystemLoadAverage()));
    Map<String, Long> calls = CountingFileSystem.calls();
    if (!calls.isEmpty()) {
      figures.put("calls", calls);
    }
    System.out.println("\n" + new ObjectMapper().writeValueAsString(figures));
  }

  private static void endWith(ProcessHandle other) {
    Thread thread =
        new Thread(
            () -> {
              other.onExit().join();
              Runtime.getRuntime().halt(1);
            });
    thread.setDaemon(true);
    thread.start();
  }

  /** Rows of several sizes and settings, whose source images are never read. */
  private static void write(String mode, long rows, String path) throws Exception {
    try (SparkSession spark =
        SparkSession.builder()
            .master("local[2]")
            .config("spark.ui.enabled", "false")
            .config("spark.driver.host", "localhost")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .getOrCreate()) {
      spark.sparkContext().setLogLevel("ERROR");
      String prompts =
          "array('make the object in the middle green', 'remove the car on the left',"
              + " 'turn the day into a rainy night, with wet streets and lights',"
              + " 'replace the background by a beach')";
      String seed = "if(n % 5 = 0, null, n)";
      spark
          .range(0, rows, 1, FILES)
          .toDF("n")
          .selectExpr(
              mode.equals("unnamed") ? "cast(null as string) as id" : "concat('row-', n) as id",
              "concat('s3a://bucket/images/', n % 1000, '/', n, '.jpg') as image_paths",
              mode.equals("failing") ? "'' as prompt" : prompts + "[n % 4] as prompt",
              "if(n % 3 = 0, null, 512 + 32 * (n % 3)) as height",
              "if(n % 3 = 0, null, 512 + 32 * (n % 2)) as width",
              (mode.equals("changed") ? "if(n % 100 = 7, -1 - n, " + seed + ")" : seed)
                  + " as seed",
              "n % 17 as label")
          .write()
          .parquet(path);
    }
  }

  /** Keeps the largest heap use right after a garbage collection. */
  private static void watchCollections(AtomicLong liveBytes, AtomicLong collections) {
    Set<String> heap =
        ManagementFactory.getMemoryPoolMXBeans().stream()
            .filter(pool -> pool.getType() == MemoryType.HEAP)
            .map(MemoryPoolMXBean::getName)
            .collect(Collectors.toSet());
    for (GarbageCollectorMXBean collector : ManagementFactory.getGarbageCollectorMXBeans()) {
      ((NotificationEmitter) collector)
          .addNotificationListener(
              (notification, ignored) -> {
                var gc =
                    GarbageCollectionNotificationInfo.from(
                            (CompositeData) notification.getUserData())
                        .getGcInfo();
                collections.incrementAndGet();
                long used =
                    gc.getMemoryUsageAfterGc().entrySet().stream()
                        .filter(pool -> heap.contains(pool.getKey()))
                        .mapToLong(pool -> pool.getValue().getUsed())
                        .sum();
                liveBytes.accumulateAndGet(used, Math::max);
              },
              null,
              null);
    }
  }

  private static double rounded(double value) {
    return Math.round(value * 10) / 10.0;
  }
}
