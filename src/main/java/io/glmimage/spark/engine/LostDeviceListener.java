package io.glmimage.spark.engine;

import java.util.regex.Pattern;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerExecutorRemoved;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Says on the driver that an executor has ended because its device was lost; only the executor's
 * own log has the failure.
 */
public final class LostDeviceListener extends SparkListener {
  private static final Logger LOG = LoggerFactory.getLogger(LostDeviceListener.class);

  /** As cluster managers write it: "exited with code 74", "exit code 74(...)", "status: 74". */
  private static final Pattern EXIT_CODE =
      Pattern.compile("(?:code|status)(?::| is)? " + LostDevice.EXIT_CODE + "\\b");

  @Override
  public void onExecutorRemoved(SparkListenerExecutorRemoved removed) {
    if (isLostDevice(removed.reason())) {
      LOG.warn(
          "Executor {} lost its GPU and has ended; Spark replaces it, and its rows run again."
              + " The log of the executor has the failure ({})",
          removed.executorId(),
          removed.reason());
    }
  }

  static boolean isLostDevice(String reason) {
    return reason != null && EXIT_CODE.matcher(reason).find();
  }
}
