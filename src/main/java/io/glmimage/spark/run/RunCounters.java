package io.glmimage.spark.run;

import io.glmimage.spark.engine.EngineCounters;
import io.glmimage.spark.engine.KernelSelections;
import io.glmimage.spark.engine.LoadCounters;
import java.io.Serializable;
import org.apache.spark.SparkContext;
import org.apache.spark.util.LongAccumulator;

/**
 * What the tasks of a run count.
 *
 * @param done rows with a result, failed rows included
 * @param failed rows that failed
 * @param loading how much of the model the executors have loaded; may be null
 * @param sources traits of the source images that were read
 * @param engines how the engines spent their time, and on which kernels; may be null
 */
record RunCounters(
    LongAccumulator done,
    LongAccumulator failed,
    LoadCounters loading,
    EngineCounters engines,
    SourceCounters sources)
    implements Serializable {
  static RunCounters of(SparkContext spark) {
    KernelSelections kernels = new KernelSelections();
    spark.register(kernels, "kernel selections");
    return new RunCounters(
        spark.longAccumulator("rows done"),
        spark.longAccumulator("rows failed"),
        new LoadCounters(
            spark.longAccumulator("model bytes to load"),
            spark.longAccumulator("model bytes loaded")),
        new EngineCounters(
            spark.longAccumulator("engine microseconds busy"),
            spark.longAccumulator("engine microseconds waiting"),
            kernels),
        SourceCounters.of(spark));
  }

  void count(boolean isFailed) {
    if (isFailed) {
      failed.add(1);
    }
    done.add(1);
  }
}
