package io.glmimage.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Map;
import org.apache.spark.SparkUserAppException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** How a driver inside YARN ends: as YARN's application master expects it from a program. */
class YarnExitCodeTest {
  /** What YARN's application master sets before it calls the program. */
  private static final Map<String, String> CLUSTER_MODE =
      Map.of("spark.master", "yarn", "spark.submit.deployMode", "cluster");

  @BeforeEach
  void set() {
    CLUSTER_MODE.forEach(System::setProperty);
  }

  @AfterEach
  void clear() {
    CLUSTER_MODE.keySet().forEach(System::clearProperty);
  }

  @Test
  void yarnIsToldTheExitCodeOfACommandThatFails() {
    SparkUserAppException told =
        assertThrows(
            SparkUserAppException.class,
            () -> EditImagesJob.main(new String[] {"edit", "--bogus"}));
    assertEquals(ExitCode.USAGE, told.exitCode());
  }

  @Test
  void aCommandThatSucceedsReturns() throws SparkUserAppException {
    EditImagesJob.main(new String[] {"--version"});
  }
}
