package io.glmimage.spark.engine;

import io.glmimage.tensor.GpuPool;
import java.util.Arrays;
import java.util.Locale;
import org.apache.spark.SparkConf;

/**
 * The GPU memory that Spark RAPIDS keeps for itself in the same executor. Its pool does not grow
 * beyond the size that it gets when the executor starts: {@code allocFraction} of the free memory
 * less the reserve, and at most {@code maxAllocFraction} of all memory less the reserve.
 */
final class RapidsPool {
  private static final String PLUGIN = "com.nvidia.spark.SQLPlugin";
  private static final String POOL = "spark.rapids.memory.gpu.pool";
  private static final String FRACTION = "spark.rapids.memory.gpu.allocFraction";
  private static final String MAX_FRACTION = "spark.rapids.memory.gpu.maxAllocFraction";
  private static final String RESERVE = "spark.rapids.memory.gpu.reserve";

  /** RAPIDS' default of {@link #RESERVE}. */
  private static final String RESERVE_DEFAULT = "640m";

  private RapidsPool() {}

  /**
   * The pool; null without RAPIDS, or if RAPIDS takes memory only as it needs it, without limit.
   */
  static GpuPool of(SparkConf conf) {
    boolean plugin =
        Arrays.stream(conf.get("spark.plugins", "").split(",", -1))
            .anyMatch(name -> name.strip().equals(PLUGIN));
    boolean pooled =
        !conf.get(POOL, "ASYNC").toUpperCase(Locale.ROOT).equals("NONE")
            && conf.getBoolean("spark.rapids.memory.gpu.pooling.enabled", true);
    if (!plugin || !pooled) {
      return null;
    }
    return new GpuPool(
        fraction(conf, FRACTION),
        fraction(conf, MAX_FRACTION),
        conf.getSizeAsBytes(RESERVE, RESERVE_DEFAULT));
  }

  private static double fraction(SparkConf conf, String name) {
    return Math.min(1, Math.max(0, conf.getDouble(name, 1)));
  }
}
