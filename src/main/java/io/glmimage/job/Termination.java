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

  private static final String STOPPED = "Stopped";

  private final PrintWriter err;
  private final CountDownLatch ended = new CountDownLatch(1);
  private final CountDownLatch finished = new CountDownLatch(1);
  private ProcessEnd.Action hook;
  private volatile Predicate<JobException> run;
  private volatile boolean requested;
  private volatile Runnable report = () -> {};

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

  /**
   * @param action reports a stopped command, last of all
   */
  void onStop(Runnable action) {
    report = action;
  }

  /** Reports that the command has not begun, because the process is ending. */
  void tooLate() {
    say(STOPPED);
    report.run();
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

  /** The command has ended, and does not wait for the signal any longer. */
  @Override
  public void close() {
    finished.countDown();
    if (hook != null) {
      hook.close();
      hook = null;
    }
  }

  private void stop() {
    try {
      if (ended.getCount() == 0) {
        // The command prints its own outcome.
        var unused = finished.await(LONGEST_WAIT_SECONDS, TimeUnit.SECONDS);
        return;
      }
      requested = true;
      if (run == null) {
        say(STOPPED);
      } else {
        say("Stopping: finished rows are saved");
        stopRun();
        say("Stopped; run the same command again to continue");
      }
    } catch (InterruptedException e) {
      // Hadoop does not wait any longer.
      Thread.currentThread().interrupt();
    }
    report.run();
  }

  private void stopRun() throws InterruptedException {
    JobException why = new JobException("Stopped: the process was told to end");
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(LONGEST_WAIT_SECONDS);
    boolean hasWork = true;
    while (hasWork && System.nanoTime() < end) {
      hasWork = run.test(why) && !ended.await(REPEAT_MILLIS, TimeUnit.MILLISECONDS);
    }
  }

  private void say(String line) {
    err.println(line);
    err.flush();
  }
}
