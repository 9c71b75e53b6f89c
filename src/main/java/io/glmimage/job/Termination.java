package io.glmimage.job;

import io.glmimage.error.JobException;
import io.glmimage.io.ProcessEnd;
import java.io.PrintWriter;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/**
 * Ends a run in order after SIGTERM or Ctrl-C: no further rows are started, finished rows are saved
 * and the lock is released. Java ends the process when this is done, or after {@link
 * #LONGEST_WAIT_SECONDS}, with the exit code of the signal (143 or 130).
 */
final class Termination implements AutoCloseable {
  /** Kubernetes kills a process 30 seconds after SIGTERM, Docker after 10. */
  private static final int LONGEST_WAIT_SECONDS = 20;

  /** Spark jobs that begin after the signal are stopped as well. */
  private static final long REPEAT_MILLIS = 200;

  private final PrintWriter err;
  private final CountDownLatch ended = new CountDownLatch(1);
  private ProcessEnd.Action hook;
  private volatile Predicate<JobException> run;
  private volatile boolean requested;

  /**
   * @param err receives messages for the user
   */
  Termination(PrintWriter err) {
    this.err = err;
  }

  /** A run that can be stopped. Closing it says that it has ended. */
  interface Stoppable extends AutoCloseable {
    @Override
    void close();
  }

  /** Waits for the signal from now on. */
  void install() {
    if (hook == null) {
      hook = ProcessEnd.run(this::stop, false, LONGEST_WAIT_SECONDS + 5L);
    }
  }

  /**
   * Announces a run.
   *
   * @param stop makes the run end with an exception; says whether the run has anything to save.
   *     Called repeatedly, on another thread
   */
  Stoppable begin(Predicate<JobException> stop) {
    run = stop;
    return ended::countDown;
  }

  /** Whether the process has been told to end. What fails from then on fails for this reason. */
  boolean isRequested() {
    return requested;
  }

  /** Does not wait for the signal any longer. */
  @Override
  public void close() {
    if (hook != null) {
      hook.close();
      hook = null;
    }
  }

  private void stop() {
    if (ended.getCount() == 0) {
      return;
    }
    requested = true;
    if (run == null) {
      say("Stopped");
      return;
    }
    say("Stopping: finished rows are saved");
    JobException why = new JobException("Stopped: the process was told to end");
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(LONGEST_WAIT_SECONDS);
    try {
      boolean hasWork = true;
      while (hasWork && System.nanoTime() < end) {
        hasWork = run.test(why) && !ended.await(REPEAT_MILLIS, TimeUnit.MILLISECONDS);
      }
    } catch (InterruptedException e) {
      // Hadoop does not wait any longer.
      Thread.currentThread().interrupt();
    }
    say("Stopped; run the same command again to continue");
  }

  private void say(String line) {
    err.println(line);
    err.flush();
  }
}
