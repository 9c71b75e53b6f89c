package io.glmimage.job;

import io.glmimage.s3.FaultyProxy;
import io.glmimage.s3.FaultyProxy.Fault;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The faults of the network in a soak test, and counts of the requests that passed through it.
 * There are single faults of every kind that a client should survive, and bursts of refusals.
 */
final class SoakStorm implements FaultyProxy.Plan {
  private static final List<Fault> KINDS =
      List.of(Fault.RESET, Fault.LOST_ANSWER, Fault.TRUNCATED, Fault.SLOW, Fault.SLOW_DOWN);
  private static final int BURST = 6;

  private final SplittableRandom random;
  private final int oneIn;
  private final AtomicInteger images = new AtomicInteger();
  private final AtomicInteger commits = new AtomicInteger();
  private boolean raging;
  private int burst;

  /**
   * @param oneIn one request out of this many has a fault; a burst begins at one out of ten times
   *     as many
   */
  SoakStorm(long seed, int oneIn) {
    this.random = new SplittableRandom(seed);
    this.oneIn = oneIn;
  }

  /** Turns the faults on or off. */
  synchronized void rage(boolean now) {
    raging = now;
    burst = 0;
  }

  /** Sets the counts to zero. */
  void reset() {
    images.set(0);
    commits.set(0);
  }

  /** Number of images that were sent; an image that is sent again counts again. */
  int images() {
    return images.get();
  }

  /** Number of requests of table writers before their commit. */
  int commits() {
    return commits.get();
  }

  @Override
  public Fault of(String method, String path) {
    if (method.equals("PUT") && path.contains("/images/")) {
      images.incrementAndGet();
    }
    // GET and DELETE are requests of a new run that removes the files of a killed one.
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

  /** Random moments of a run over this many rows, as numbers of images, ascending. */
  static int[] moments(SplittableRandom random, int count, int rows) {
    int[] moments = new int[count];
    for (int i = 0; i < count; i++) {
      moments[i] = 1 + random.nextInt(Math.max(1, rows * 9 / 10));
    }
    Arrays.sort(moments);
    return moments;
  }
}
