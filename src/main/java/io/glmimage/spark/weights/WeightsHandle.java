package io.glmimage.spark.weights;

import io.glmimage.error.WeightsException;
import io.glmimage.spark.SparkStep;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Supplier;
import org.apache.spark.api.java.JavaSparkContext;

/** A running distribution. Close the handle when no further task will ask for the model. */
public final class WeightsHandle implements AutoCloseable {
  private final JavaSparkContext spark;
  private final WeightsRef ref;
  private final Supplier<WeightsStatus> status;
  private final Runnable end;

  /**
   * @param end stops the distribution
   */
  WeightsHandle(
      JavaSparkContext spark, WeightsRef ref, Supplier<WeightsStatus> status, Runnable end) {
    this.spark = spark;
    this.ref = ref;
    this.status = status;
    this.end = end;
  }

  /** The reference that tasks capture. */
  public WeightsRef ref() {
    return ref;
  }

  /** The progress of the distribution. */
  public WeightsStatus status() {
    return status.get();
  }

  /**
   * Brings the model to the current executors and returns when all of them have the model. This
   * call is optional: the first task on a node does the same. Tasks end only when their node is
   * complete, so Spark gives every free executor at least one task.
   *
   * @throws WeightsException if a node cannot receive the model
   */
  public void distribute() {
    int tasks = Math.max(1, spark.defaultParallelism());
    List<Integer> slots = new ArrayList<>(Collections.nCopies(tasks, 0));
    WeightsRef carried = ref;
    try (SparkStep step = SparkStep.begin(spark.sc(), "Send the model to the executors")) {
      spark.parallelize(slots, tasks).foreachPartition(ignored -> carried.localFolder());
    }
  }

  @Override
  public void close() {
    end.run();
    ref.release();
  }
}
