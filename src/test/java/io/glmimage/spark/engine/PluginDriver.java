package io.glmimage.spark.engine;

import io.glmimage.spark.Until;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.stream.IntStream;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;

/**
 * A driver program for the tests of the plug-in: a task that requests no model waits until its
 * executor has loaded one. Then four tasks run at the same time and name their GPUs.
 */
public final class PluginDriver {
  private static final int TASKS = 4;
  private static final CountDownLatch RUNNING = new CountDownLatch(TASKS);

  private PluginDriver() {}

  public static void main(String[] args) throws Exception {
    try (SparkSession spark =
        SparkSession.builder().appName("plug-in").master(args[0]).getOrCreate()) {
      JavaSparkContext context = JavaSparkContext.fromSparkContext(spark.sparkContext());
      System.out.println("RESULT app=" + context.sc().applicationId());
      int loaded =
          context
              .parallelize(List.of(0), 1)
              .map(
                  x -> {
                    Until.holds("a model is loaded", () -> ExecutorEngines.loaded() > 0);
                    return ExecutorEngines.loaded();
                  })
              .first();
      System.out.println("RESULT loaded=" + loaded);
      System.out.println("RESULT gpus=" + String.join(",", gpusOfFourTasks(context)));
      EngineOptions options = GlmImagePlugin.options(context.getConf());
      try (DistributedEngines engines = new CheckpointModel(options).distribute(spark)) {
        System.out.println("RESULT complete=" + engines.status().orElseThrow().nodes().complete());
      }
    }
  }

  /** The tasks are in one process. */
  private static List<String> gpusOfFourTasks(JavaSparkContext context) {
    return context
        .parallelize(IntStream.range(0, TASKS).boxed().toList(), TASKS)
        .map(
            x -> {
              RUNNING.countDown();
              Until.holds("all tasks run", () -> RUNNING.getCount() == 0);
              return GpuAssignment.ofTask().orElse("none");
            })
        .collect()
        .stream()
        .sorted()
        .toList();
  }
}
