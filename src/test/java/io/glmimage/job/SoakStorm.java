package io.glmimage.job;

import io.glmimage.s3.FaultyProxy;
import io.glmimage.s3.FaultyProxy.Fault;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * What the network does in a soak, and what has passed through it. Faults are single requests of
 * every kind that a client should survive, and bursts of refusals.
 */
final class SoakStorm implements FaultyProxy.Plan {
  private static final List<Fault> KINDS =
      List.of(Fault.RESET, Fault.LOST_ANSWER, Fault.TRUNCATED, Fault.SLOW, Fault.SLOW_DOWN);
  private static final int BURST = 6;

  private final SplittableRandom random;
  private final int oneIn;
  private final AtomicInteger pictures = new AtomicInteger();
  private final AtomicInteger commits = new AtomicInteger();
  private boolean raging;
  private int burst;

  /**
   * @param oneIn one request in so many has a fault; a burst begins at one in ten times so many
   */
  SoakStorm(long seed, int oneIn) {
    this.random = new SplittableRandom(seed);
    this.oneIn = oneIn;
  }

  /** Whether there are faults from now on. */
  synchronized void rage(boolean now) {
    raging = now;
    burst = 0;
  }

  /** Forgets what has passed. */
  void reset() {
    pictures.set(0);
    commits.set(0);
  }

  /** Pictures that were sent to be written; one that had to be sent again counts again. */
  int pictures() {
    return pictures.get();
  }

  /** Requests of table writers that have not yet committed. */
  int commits() {
    return commits.get();
  }

  @Override
  public Fault of(String method, String path) {
    if (method.equals("PUT") && path.contains("/images/")) {
      pictures.incrementAndGet();
    }
    // A run that begins asks for and removes what a killed one has left there.
    if ((method.equals("PUT") || method.equals("POST")) && path.contains("/results/__magic")) {
      commits.incrementAndGet();
    }
    return fault();
  }

  private synchronized Fault fault() {
    if (!raging) {
      return Fault.NONE;
    }
    if (burst > 0) {
      burst--;
      return Fault.SLOW_DOWN;
    }
    if (random.nextInt(10 * oneIn) == 0) {
      burst = BURST;
    }
    return random.nextInt(oneIn) == 0 ? KINDS.get(random.nextInt(KINDS.size())) : Fault.NONE;
  }

  /** Random moments of a run over so many rows, as counts of pictures, ascending. */
  static int[] moments(SplittableRandom random, int count, int rows) {
    int[] moments = new int[count];
    for (int i = 0; i < count; i++) {
      moments[i] = 1 + random.nextInt(Math.max(1, rows * 9 / 10));
    }
    Arrays.sort(moments);
    return moments;
  }
}
