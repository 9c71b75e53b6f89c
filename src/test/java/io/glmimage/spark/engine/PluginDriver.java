package io.glmimage.spark.engine;

import io.glmimage.spark.Until;
import java.util.List;
import org.apache.spark.sql.SparkSession;

/**
 * A driver program for the tests of the plug-in: a task that requests no model waits until its
 * executor has loaded one.
 */
public final class PluginDriver {
  private PluginDriver() {}

  public static void main(String[] args) throws Exception {
    try (SparkSession spark =
        SparkSession.builder().appName("plug-in").master(args[0]).getOrCreate()) {
      var context =
          org.apache.spark.api.java.JavaSparkContext.fromSparkContext(spark.sparkContext());
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
      EngineOptions options = GlmImagePlugin.options(context.getConf());
      try (DistributedEngines engines = new CheckpointModel(options).distribute(spark)) {
        System.out.println("RESULT complete=" + engines.status().orElseThrow().nodes().complete());
      }
    }
  }
}
