package io.glmimage.model.dit;

import java.util.Arrays;

/**
 * What changes from one denoising step to the next.
 *
 * @param modulation of the schedule's timesteps and the target size; closed by its owner
 * @param sigmas noise levels, one more than steps; the last is 0
 * @param plan which steps run the transformer blocks
 * @param extrapolations for the second order, how far each step extrapolates the change of the
 *     noise since the step before, as a fraction of that change; 0 for the first step. Null for the
 *     first order
 */
public record DenoisingSteps(
    Modulation modulation, float[] sigmas, StepPlan plan, float[] extrapolations) {
  public DenoisingSteps {
    if (plan.steps() != modulation.steps()) {
      throw new IllegalArgumentException(
          "Cannot denoise in "
              + modulation.steps()
              + " steps by a plan of "
              + plan.steps()
              + " steps");
    }
    if (sigmas.length != modulation.steps() + 1) {
      throw new IllegalArgumentException(
          "Cannot denoise in "
              + modulation.steps()
              + " steps with "
              + sigmas.length
              + " sigmas: expected one more sigma than steps");
    }
    sigmas = sigmas.clone();
    if (extrapolations != null) {
      check(plan, extrapolations);
      extrapolations = extrapolations.clone();
    }
  }

  private static void check(StepPlan plan, float[] extrapolations) {
    if (extrapolations.length != plan.steps() || extrapolations[0] != 0) {
      throw new IllegalArgumentException(
          "Cannot denoise in "
              + plan.steps()
              + " steps with the extrapolations "
              + Arrays.toString(extrapolations)
              + ": expected one of each step, 0 for the first");
    }
    if (plan.reusedSteps() > 0) {
      throw new IllegalArgumentException(
          "Cannot denoise with a solver of the second order by a plan that reuses steps");
    }
  }

  /** Steps of the first order. */
  public DenoisingSteps(Modulation modulation, float[] sigmas, StepPlan plan) {
    this(modulation, sigmas, plan, null);
  }

  /** Steps of the first order, each of which runs the blocks. */
  public DenoisingSteps(Modulation modulation, float[] sigmas) {
    this(modulation, sigmas, StepPlan.everyStep(modulation.steps()));
  }

  /** Number of steps. */
  public int count() {
    return modulation.steps();
  }

  /** A copy. */
  @Override
  public float[] sigmas() {
    return sigmas.clone();
  }

  /** A copy; null for the first order. */
  @Override
  public float[] extrapolations() {
    return extrapolations == null ? null : extrapolations.clone();
  }

  boolean secondOrder() {
    return extrapolations != null;
  }

  /** 0 in steps of the first order. */
  float extrapolation(int step) {
    return extrapolations == null ? 0 : extrapolations[step];
  }

  /** How far step {@code step} moves: the next sigma minus its own. */
  float delta(int step) {
    return sigmas[step + 1] - sigmas[step];
  }
}
