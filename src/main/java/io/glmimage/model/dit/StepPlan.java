package io.glmimage.model.dit;

/**
 * Which steps of a schedule run the blocks, and which reuse what the blocks added to the residual
 * stream in the last step that ran them. Known before the first step, so that no step waits for the
 * device to decide. Immutable.
 *
 * <p>After TeaCache (Liu et al., "Timestep Embedding Tells: It's Time to Cache", 2024): a step
 * reuses as long as a change since the last computed step, summed over the steps between, stays
 * below a threshold; the first step and the last are always computed. Deviations: TeaCache takes
 * the change of the first block's input, which it measures on the picture in every step, and maps
 * it by a polynomial fitted to each model. Here it is the change of the time embedding, as a part
 * of its change over the whole schedule: a threshold means the same for every model and number of
 * steps, and all pictures of a size have the same plan, whatever is edited beside them.
 */
public final class StepPlan {
  private final boolean[] reused;

  private StepPlan(boolean[] reused) {
    this.reused = reused;
  }

  /** Every step is computed. */
  public static StepPlan everyStep(int steps) {
    return new StepPlan(new boolean[steps]);
  }

  /**
   * @param changes how far each step is from the one before; the first is not used
   * @param threshold a step is computed where the sum since the last computed one reaches this part
   *     of the sum over all; 0 computes all, 1 the first and the last
   */
  static StepPlan of(double[] changes, double threshold) {
    double all = 0;
    for (int i = 1; i < changes.length; i++) {
      all += changes[i];
    }
    boolean[] reused = new boolean[changes.length];
    double sum = 0;
    for (int i = 1; i < changes.length - 1; i++) {
      sum += changes[i];
      reused[i] = sum < threshold * all;
      if (!reused[i]) {
        sum = 0;
      }
    }
    return new StepPlan(reused);
  }

  /** How many steps, computed or not. */
  public int steps() {
    return reused.length;
  }

  /** Whether {@code step} does not run the blocks. */
  public boolean reuses(int step) {
    return reused[step];
  }

  /** How many steps don't run the blocks. */
  public int reusedSteps() {
    int count = 0;
    for (boolean reuses : reused) {
      count += reuses ? 1 : 0;
    }
    return count;
  }

  /** The step whose blocks {@code step} takes: itself, or the last computed one before it. */
  int computedStep(int step) {
    int at = step;
    while (reused[at]) {
      at--;
    }
    return at;
  }

  /** Whether the step after {@code step} reuses. */
  boolean isReused(int step) {
    return step + 1 < reused.length && reused[step + 1];
  }
}
