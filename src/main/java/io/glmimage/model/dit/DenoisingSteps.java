package io.glmimage.model.dit;

/**
 * What changes from one denoising step to the next.
 *
 * @param modulation of the schedule's timesteps and the target size; closed by its owner
 * @param sigmas noise levels, one more than steps; the last is 0
 * @param plan which steps run the transformer blocks
 */
public record DenoisingSteps(Modulation modulation, float[] sigmas, StepPlan plan) {
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
  }

  /** Every step runs the blocks. */
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

  /** How far step {@code step} moves: the next sigma minus its own. */
  float delta(int step) {
    return sigmas[step + 1] - sigmas[step];
  }
}
