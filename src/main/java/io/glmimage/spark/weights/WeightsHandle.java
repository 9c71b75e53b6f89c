package io.glmimage.spark.weights;

import io.glmimage.error.WeightsException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.util.SerializableConfiguration;

/** A running distribution. Close it when no task will ask for the model any more. */
public final class WeightsHandle implements AutoCloseable {
  private final JavaSparkContext spark;
  private final WeightsRef ref;
  private final WeightsBroadcastServer server;
  private final WeightsBroadcastChannel.Listener listener;
  private final Broadcast<SerializableConfiguration> hadoop;
  private final long totalBytes;

  /** {@code server}, {@code listener} and {@code hadoop} may be null. */
  WeightsHandle(
      JavaSparkContext spark,
      WeightsRef ref,
      WeightsBroadcastServer server,
      WeightsBroadcastChannel.Listener listener,
      Broadcast<SerializableConfiguration> hadoop,
      long totalBytes) {
    this.spark = spark;
    this.ref = ref;
    this.server = server;
    this.listener = listener;
    this.hadoop = hadoop;
    this.totalBytes = totalBytes;
  }

  /** What tasks capture. */
  public WeightsRef ref() {
    return ref;
  }

  /** How far it is; all zero but the size where nothing is sent. */
  public WeightsStatus status() {
    return server == null
        ? new WeightsStatus(totalBytes, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        : server.status();
  }

  /**
   * Brings the model to the executors that exist now and returns when they have it. Not needed: the
   * first task on a node does the same. Tasks end only when their node is complete, so Spark gives
   * every free executor at least one of them.
   *
   * @throws WeightsException if a node cannot get it
   */
  public void distribute() {
    int tasks = Math.max(1, spark.defaultParallelism());
    List<Integer> slots = new ArrayList<>(Collections.nCopies(tasks, 0));
    WeightsRef carried = ref;
    spark.setJobDescription("Bring the model's weights to the executors");
    try {
      spark.parallelize(slots, tasks).foreachPartition(ignored -> carried.localFolder());
    } finally {
      spark.setJobDescription(null);
    }
  }

  @Override
  public void close() {
    if (listener != null) {
      server.close();
      listener.close();
    }
    if (hadoop != null) {
      hadoop.unpersist(false);
    }
    ref.release();
  }
}
