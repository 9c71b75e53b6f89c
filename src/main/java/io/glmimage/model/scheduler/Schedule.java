package io.glmimage.model.scheduler;

/**
 * The steps of one denoising loop.
 *
 * @see FlowMatchEulerScheduler
 */
public final class Schedule {
  private final float[] timesteps;
  private final float[] sigmas;

  Schedule(float[] timesteps, float[] sigmas) {
    this.timesteps = timesteps;
    this.sigmas = sigmas;
  }

  /** Number of steps. */
  public int steps() {
    return timesteps.length;
  }

  /** Unshifted integer timesteps, descending from the number of training timesteps. */
  public float[] timesteps() {
    return timesteps.clone();
  }

  /** The timesteps as the network sees them: {@link #timesteps} minus 1. */
  public double[] networkTimesteps() {
    double[] out = new double[timesteps.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = timesteps[i] - 1f;
    }
    return out;
  }

  /** Shifted noise levels, {@code steps + 1}; the last is 0. */
  public float[] sigmas() {
    return sigmas.clone();
  }

  /**
   * The second-order multistep method of Adams and Bashforth over the sigmas, whose steps differ in
   * width. Step i integrates the line through the network's outputs of steps i - 1 and i:
   *
   * <pre>{@code
   * x' = x + h(i) * (noise(i) + e(i) * (noise(i) - noise(i - 1)))
   * h(i) = sigma(i + 1) - sigma(i),  e(i) = h(i) / (2 h(i - 1)),  e(0) = 0
   * }</pre>
   *
   * <p>Hairer, Norsett and Wanner, "Solving Ordinary Differential Equations I", section III.5. Its
   * use for diffusion models: Liu et al., "Pseudo Numerical Methods for Diffusion Models on
   * Manifolds", 2022; Karras et al., "Elucidating the Design Space of Diffusion-Based Generative
   * Models", 2022, for sigma as the variable of integration.
   *
   * @return e of every step
   */
  public float[] extrapolations() {
    float[] factors = new float[timesteps.length];
    for (int i = 1; i < factors.length; i++) {
      double before = (double) sigmas[i] - sigmas[i - 1];
      factors[i] = (float) (((double) sigmas[i + 1] - sigmas[i]) / (2 * before));
    }
    return factors;
  }
}
