package io.glmimage.spark.engine;

import java.io.Serializable;
import org.apache.spark.util.LongAccumulator;

/**
 * Bytes of models that are being loaded by executors, on their way to the driver.
 *
 * @param total what is to be loaded
 * @param loaded what has been
 */
public record LoadCounters(LongAccumulator total, LongAccumulator loaded) implements Serializable {
  void add(long moreTotal, long moreLoaded) {
    total.add(moreTotal);
    loaded.add(moreLoaded);
  }
}
