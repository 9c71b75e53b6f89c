package io.glmimage.spark.run;

import io.glmimage.io.DaemonThreads;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The threads on which one task reads and writes images. */
public final class IoThreads implements Executor, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(IoThreads.class);

  static final int COUNT = 4;

  /** Longest time that the end of a task waits for reads and writes in progress. */
  private static final long STOP_SECONDS = 10;

  private final ExecutorService threads;

  /**
   * @param name of the threads, for thread dumps
   */
  public IoThreads(String name) {
    this.threads = Executors.newFixedThreadPool(COUNT, DaemonThreads.named(name));
  }

  @Override
  public void execute(Runnable work) {
    threads.execute(work);
  }

  /** Interrupts reads and writes in progress, and waits for their end for a limited time. */
  @Override
  public void close() {
    threads.shutdownNow();
    // The thread of a killed task is interrupted; it must wait all the same.
    boolean interrupted = Thread.interrupted();
    try {
      if (!threads.awaitTermination(STOP_SECONDS, TimeUnit.SECONDS)) {
        LOG.warn("The task has ended, but one of its images is still being read or written");
      }
    } catch (InterruptedException e) {
      interrupted = true;
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
