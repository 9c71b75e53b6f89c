package io.glmimage.spark.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;
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
  void thePoolIsAFractionOfWhatItsReserveLeaves() {
    SparkConf conf = conf("allocFraction", "0.25", "reserve", "4g");

    assertEquals(61 * GIB, RapidsPool.of(conf).leaves(80 * GIB));
    assertEquals(2 * GIB, RapidsPool.of(conf).leaves(2 * GIB));
  }

  @Test
  void theProfileLeavesTheModelMostOfTheGpu() throws IOException {
    SparkConf conf = new SparkConf(false);
    Properties profile = new Properties();
    try (Reader reader = Files.newBufferedReader(Path.of("conf/rapids.conf"))) {
      profile.load(reader);
    }
    profile.forEach((key, value) -> conf.set((String) key, (String) value));

    assertEquals(73.65, RapidsPool.of(conf).leaves(80 * GIB) / (double) GIB, 0.01);
  }

  @Test
  void withoutPluginOrPoolNothingIsSetAside() {
    assertNull(RapidsPool.of(new SparkConf(false)));
    assertNull(RapidsPool.of(conf("pool", "NONE")));
  }
}
