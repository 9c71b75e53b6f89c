package io.glmimage.spark.engine;

import java.io.Serializable;
import org.apache.spark.util.LongAccumulator;

/**
 * Bytes of the models that executors load, counted for the driver.
 *
 * @param total bytes to load
 * @param loaded bytes loaded
 */
public record LoadCounters(LongAccumulator total, LongAccumulator loaded) implements Serializable {
  void add(long moreTotal, long moreLoaded) {
    total.add(moreTotal);
    loaded.add(moreLoaded);
  }
}
