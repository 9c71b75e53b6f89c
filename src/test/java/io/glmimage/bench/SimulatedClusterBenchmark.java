package io.glmimage.bench;

import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryUsage;
import java.lang.management.ThreadInfo;
import java.lang.management.ThreadMXBean;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;

/**
 * What it costs the driver to schedule many tasks on many executors. Arguments: executors, cores of
 * each, and numbers of tasks. The tasks do nothing. Prints for each number the time and the
 * driver's CPU time of the job, the heap after collections, and the CPU time by kind of thread.
 */
public final class SimulatedClusterBenchmark {
  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

  /** Threads of the simulated executors; a cluster has them on other hosts. */
  private static final String TASKS = "Executor task launch worker";

  private SimulatedClusterBenchmark() {}

  public static void main(String[] args) {
    int executors = Integer.parseInt(args[0]);
    int cores = Integer.parseInt(args[1]);
    SparkSession spark = session(executors, cores);
    try {
      System.out.printf(Locale.ROOT, "%d executors with %d cores each%n", executors, cores);
      for (int i = 2; i < args.length; i++) {
        measure(new JavaSparkContext(spark.sparkContext()), Integer.parseInt(args[i]));
      }
    } finally {
      spark.stop();
    }
  }

  /** Opens a session; the caller stops it. */
  static SparkSession session(int executors, int cores) {
    return SparkSession.builder()
        .master("simulated[" + executors + "," + cores + "]")
        .appName("simulated")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        // Simulated executors send no heartbeats.
        .config("spark.network.timeout", "200h")
        .config("spark.executor.heartbeatInterval", "100h")
        .getOrCreate();
  }

  private static void measure(JavaSparkContext context, int tasks) {
    Map<String, Long> before = cpuNanos();
    long begin = System.nanoTime();
    try (HeapWatch heap = new HeapWatch()) {
      context
          .parallelize(IntStream.range(0, tasks).boxed().toList(), tasks)
          .foreachPartition(rows -> {});
      double seconds = (System.nanoTime() - begin) / 1e9;
      Map<String, Double> cpu = new TreeMap<>();
      cpuNanos()
          .forEach((name, nanos) -> cpu.put(name, (nanos - before.getOrDefault(name, 0L)) / 1e9));
      double driver =
          cpu.entrySet().stream()
              .filter(e -> !e.getKey().startsWith(TASKS))
              .mapToDouble(Map.Entry::getValue)
              .sum();
      System.out.printf(
          Locale.ROOT,
          "%,d tasks: %.1f s, %.0f a second; driver %.1f CPU s (%.0f us a task); heap after"
              + " collections, at most %d MB%n",
          tasks,
          seconds,
          tasks / seconds,
          driver,
          driver * 1e6 / tasks,
          heap.most() >> 20);
      cpu.entrySet().stream()
          .filter(e -> e.getValue() > 0.1)
          .forEach(
              e -> System.out.printf(Locale.ROOT, "    %-40s %.1f%n", e.getKey(), e.getValue()));
    }
  }

  /** CPU time by the names of threads without their numbers. */
  private static Map<String, Long> cpuNanos() {
    Map<String, Long> nanos = new TreeMap<>();
    for (long id : THREADS.getAllThreadIds()) {
      ThreadInfo thread = THREADS.getThreadInfo(id);
      if (thread != null) {
        String name = thread.getThreadName();
        String kind = name.startsWith(TASKS) ? TASKS : name.replaceAll("[-#]?\\d+.*", "");
        nanos.merge(kind, Math.max(0, THREADS.getThreadCpuTime(id)), Long::sum);
      }
    }
    return nanos;
  }

  /** Watches how much of the heap is left in use by garbage collections. */
  private static final class HeapWatch implements AutoCloseable {
    private final Thread thread = new Thread(this::watch, "heap-watch");
    private volatile long most;

    HeapWatch() {
      thread.setDaemon(true);
      thread.start();
    }

    private void watch() {
      try {
        while (true) {
          look();
          Thread.sleep(50);
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }

    private synchronized void look() {
      long used = 0;
      for (MemoryPoolMXBean pool : ManagementFactory.getMemoryPoolMXBeans()) {
        MemoryUsage usage = pool.getCollectionUsage();
        used += usage == null ? 0 : usage.getUsed();
      }
      most = Math.max(most, used);
    }

    /** Of the collections so far, and one now. */
    long most() {
      System.gc();
      look();
      return most;
    }

    @Override
    public void close() {
      thread.interrupt();
    }
  }
}
