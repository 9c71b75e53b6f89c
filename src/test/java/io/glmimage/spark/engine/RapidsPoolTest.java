package io.glmimage.spark.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import org.apache.spark.SparkConf;
import org.junit.jupiter.api.Test;

class RapidsPoolTest {
  private static final long GIB = 1L << 30;

  private static SparkConf conf(String... settings) {
    SparkConf conf = new SparkConf(false).set("spark.plugins", "a.B, com.nvidia.spark.SQLPlugin");
    for (int i = 0; i < settings.length; i += 2) {
      conf.set("spark.rapids.memory.gpu." + settings[i], settings[i + 1]);
    }
    return conf;
  }

  @Test
  void thePoolMayTakeAllButItsReserve() {
    assertEquals(640L << 20, RapidsPool.of(conf()).leaves(80 * GIB));
  }

  @Test
  void aSmallerPoolLeavesTheRest() {
    SparkConf conf = conf("maxAllocFraction", "0.25", "reserve", "1g");

    assertEquals(61 * GIB, RapidsPool.of(conf).leaves(80 * GIB));
    assertEquals(2 * GIB, RapidsPool.of(conf).leaves(2 * GIB));
  }

  @Test
  void withoutPluginOrPoolNothingIsSetAside() {
    assertNull(RapidsPool.of(new SparkConf(false)));
    assertNull(RapidsPool.of(conf("pool", "NONE")));
  }
}
