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
}
