package io.glmimage.spark.engine;

import io.glmimage.error.LostDeviceException;
import io.glmimage.io.ProcessEnd;
import java.io.IOException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.spark.SparkEnv;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a process does when its device is lost. An executor ends: every later row would fail in it,
 * and Spark starts another. The rows in work stay in the journal, so that each of them runs alone
 * and a row that causes the loss is found. In local mode there is only one process, and the job
 * fails.
 */
final class LostDevice {
  /** The exit code of an executor whose device is lost: EX_IOERR of sysexits.h. */
  static final int EXIT_CODE = 74;

  /** Spark's id of a driver, and of the only process in local mode. */
  private static final String DRIVER = "driver";

  /** The time after which an ending process is killed, in seconds. */
  private static final int LONGEST_END = 30;

  private static final Logger LOG = LoggerFactory.getLogger(LostDevice.class);
  private static final AtomicBoolean GUARDED = new AtomicBoolean();

  private LostDevice() {}

  /**
   * Ends the process if it is an executor on a cluster, after finished rows are saved. Returns in
   * any other process.
   */
  static void endExecutor(LostDeviceException lost) {
    if (GUARDED.compareAndSet(false, true)) {
      var unused = ProcessEnd.run(LostDevice::killIfTheEndHangs, true, 5);
    }
    SparkEnv env = SparkEnv.get();
    if (env == null || env.executorId().equals(DRIVER)) {
      return;
    }
    LOG.error(
        "{}. This executor ends with exit code {}, and Spark replaces it",
        lost.getMessage(),
        EXIT_CODE);
    System.exit(EXIT_CODE);
  }

  /** CUDA waits for the device when a process ends, which may take for ever. */
  private static void killIfTheEndHangs() {
    String pid = String.valueOf(ProcessHandle.current().pid());
    String script =
        "i=0; while kill -0 $0 2>/dev/null; do"
            + " [ $i -lt $1 ] || { kill -KILL $0; exit; }; i=$((i + 1)); sleep 1; done";
    try {
      new ProcessBuilder("sh", "-c", script, pid, String.valueOf(LONGEST_END))
          .redirectOutput(ProcessBuilder.Redirect.DISCARD)
          .redirectError(ProcessBuilder.Redirect.DISCARD)
          .start();
    } catch (IOException e) {
      LOG.warn("Cannot watch the end of this process: {}", e.getMessage());
    }
  }
}
