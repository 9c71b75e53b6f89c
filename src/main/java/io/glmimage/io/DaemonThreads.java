package io.glmimage.io;

import java.util.concurrent.ThreadFactory;

/** Background threads that do not keep the JVM alive. */
public final class DaemonThreads {
  private DaemonThreads() {}

  /**
   * A factory of daemon threads with this name. They get the context class loader of the caller:
   * under Spark only that one has the classes of jars that were added to the application.
   */
  public static ThreadFactory named(String name) {
    ClassLoader loader = Thread.currentThread().getContextClassLoader();
    return task -> {
      Thread thread = new Thread(task, name);
      thread.setDaemon(true);
      thread.setContextClassLoader(loader);
      return thread;
    };
  }
}
