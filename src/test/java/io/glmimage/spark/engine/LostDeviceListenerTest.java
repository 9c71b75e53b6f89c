package io.glmimage.spark.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LostDeviceListenerTest {
  /** As standalone clusters, Kubernetes and YARN write them. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "Command exited with code 74 | true",
        "The executor with id 3 exited with exit code 74(unexpected). | true",
        "Container marked as failed: c_1 on host: h. Exit status: 74. Diagnostics: x | true",
        "Command exited with code 137 | false",
        "Command exited with code 741 | false",
        "worker lost | false"
      })
  void anExecutorThatLostItsDeviceIsKnownByItsExitCode(String reason, boolean lost) {
    assertEquals(lost, LostDeviceListener.isLostDevice(reason));
  }
}
