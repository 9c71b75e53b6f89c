package io.glmimage.io;

import java.util.concurrent.TimeUnit;
import org.apache.hadoop.util.ShutdownHookManager;

/**
 * Actions at the end of the process, which a signal may bring about at any time. They run one after
 * the other, before Hadoop closes its file systems and Spark its session.
 */
public final class ProcessEnd {
  /** Greater than the priorities of Spark (50) and Hadoop (10). */
  private static final int PRIORITY = 90;

  private ProcessEnd() {}

  /** Whether the process is ending, so that nothing that needs Spark can begin any more. */
  public static boolean isUnderWay() {
    Thread probe = new Thread(() -> {});
    try {
      Runtime.getRuntime().addShutdownHook(probe);
      Runtime.getRuntime().removeShutdownHook(probe);
      return false;
    } catch (IllegalStateException e) {
      return true;
    }
  }

  /** An action that is run at the end of the process unless it is closed before. */
  public interface Action extends AutoCloseable {
    @Override
    void close();
  }

  /**
   * Runs an action at the end of the process.
   *
   * @param early before the actions that are not early
   * @param seconds after which the process does not wait any longer
   */
  public static Action run(Runnable action, boolean early, long seconds) {
    ShutdownHookManager hooks = ShutdownHookManager.get();
    if (hooks.isShutdownInProgress()) {
      return () -> {};
    }
    hooks.addShutdownHook(action, early ? PRIORITY + 1 : PRIORITY, seconds, TimeUnit.SECONDS);
    return () -> {
      if (!hooks.isShutdownInProgress()) {
        hooks.removeShutdownHook(action);
      }
    };
  }
}
