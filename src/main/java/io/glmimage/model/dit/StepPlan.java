package io.glmimage.model.dit;

/**
 * Which steps of a schedule run the transformer blocks. The other steps reuse what the blocks added
 * to the residual stream in the last step that ran them. The plan is known before the first step,
 * so that no step waits for the device to decide. Immutable.
 *
 * <p>After TeaCache (Liu et al., "Timestep Embedding Tells: It's Time to Cache", 2024). A step
 * reuses while the change since the last computed step, summed over the steps between, stays below
 * a threshold. The first and the last step are always computed. Deviations: TeaCache measures the
 * change of the first block's input in every step and maps it by a polynomial fitted to each model.
 * This class uses the change of the time embedding, as a fraction of its change over the whole
 * schedule. A threshold therefore means the same for every model and number of steps, and all
 * images of one size have the same plan.
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
   * The plan for given changes.
   *
   * @param changes distance of each step from the previous one; the first value is not used
   * @param threshold a step is computed when the sum since the last computed step reaches this
   *     fraction of the total; 0 computes every step, 1 only the first and the last
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

  /** Number of steps, computed or not. */
  public int steps() {
    return reused.length;
  }

  /** Whether {@code step} reuses the blocks of an earlier step. */
  public boolean reuses(int step) {
    return reused[step];
  }

  /** Number of steps that reuse. */
  public int reusedSteps() {
    int count = 0;
    for (boolean reuses : reused) {
      count += reuses ? 1 : 0;
    }
    return count;
  }

  /** The step whose blocks {@code step} uses: itself, or the last computed step before it. */
  int computedStep(int step) {
    int at = step;
    while (reused[at]) {
      at--;
    }
    return at;
  }

  /** Whether the next step reuses the blocks of {@code step}. */
  boolean isReused(int step) {
    return step + 1 < reused.length && reused[step + 1];
  }
}
