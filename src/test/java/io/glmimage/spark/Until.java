package io.glmimage.spark;

import java.time.Duration;
import java.util.concurrent.Callable;

/** Waits for something that another thread or process does. */
public final class Until {
  private static final Duration DEADLINE = Duration.ofMinutes(4);

  private Until() {}

  /**
   * Waits until a condition holds.
   *
   * @param what the condition, for the message
   * @throws AssertionError if it does not hold within four minutes
   */
  public static void holds(String what, Callable<Boolean> condition) {
    holds(what, DEADLINE, condition);
  }

  /**
   * As {@link #holds(String, Callable)}.
   *
   * @param deadline the longest time to wait
   */
  static void holds(String what, Duration deadline, Callable<Boolean> condition) {
    long start = System.nanoTime();
    try {
      while (!condition.call()) {
        if (System.nanoTime() - start > deadline.toNanos()) {
          throw new AssertionError("Not within " + deadline.toSeconds() + " s: " + what);
        }
        Thread.sleep(20);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError("Interrupted while waiting: " + what, e);
    } catch (Exception e) {
      throw new AssertionError("Cannot check whether " + what, e);
    }
  }
}
