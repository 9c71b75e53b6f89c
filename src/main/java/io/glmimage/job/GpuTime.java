package io.glmimage.job;

import io.glmimage.io.DaemonThreads;
import io.glmimage.output.RunCost;
import io.glmimage.spark.engine.GpuAssignment;
import io.glmimage.tensor.Libtorch;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.apache.spark.SparkContext;

/**
 * The GPU time that a run pays for: from its beginning, for all executors that Spark has, whether
 * they work or not. An executor without a GPU counts as one.
 */
final class GpuTime implements AutoCloseable {
  private static final long TICK_SECONDS = 5;
  private static final String AMOUNT =
      "spark.executor.resource." + GpuAssignment.RESOURCE + ".amount";

  private final SparkContext spark;
  private final double price;
  private final boolean openDevice;
  private final ScheduledExecutorService timer =
      Executors.newSingleThreadScheduledExecutor(DaemonThreads.named("gpu-time"));
  private final ScheduledFuture<?> ticking;
  private double executorSeconds;
  private long last = System.nanoTime();

  /**
   * @param price of a GPU for an hour
   * @param openDevice whether tasks of a local session use all GPUs that libtorch can see
   */
  GpuTime(SparkContext spark, double price, boolean openDevice) {
    this.spark = spark;
    this.price = price;
    this.openDevice = openDevice;
    this.ticking =
        timer.scheduleAtFixedRate(this::tick, TICK_SECONDS, TICK_SECONDS, TimeUnit.SECONDS);
  }

  private synchronized void tick() {
    long now = System.nanoTime();
    // The driver is among them; in a local session it is the only one.
    int executors = Math.max(1, spark.statusTracker().getExecutorInfos().length - 1);
    executorSeconds += executors * (now - last) / 1e9;
    last = now;
  }

  /** The cost so far. */
  synchronized RunCost cost() {
    tick();
    return new RunCost(executorSeconds * gpus() / 3600, price);
  }

  private int gpus() {
    if (spark.isLocal()) {
      return openDevice ? Math.max(1, Libtorch.cudaDevices()) : 1;
    }
    return Math.max(1, spark.getConf().getInt(AMOUNT, 1));
  }

  @Override
  public void close() {
    ticking.cancel(false);
    timer.shutdown();
  }
}
