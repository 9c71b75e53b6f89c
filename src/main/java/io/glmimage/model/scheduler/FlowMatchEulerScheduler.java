package io.glmimage.model.scheduler;

import io.glmimage.error.CheckpointException;
import io.glmimage.error.InvalidRequestException;
import io.glmimage.weights.CheckpointFolder;
import io.glmimage.weights.ConfigFile;
import java.util.Set;

/**
 * Flow matching with Euler steps: {@code x' = x + (sigma' - sigma) * noise}.
 *
 * <p>Timesteps are {@code int(linspace(N, 1, steps + 1))} without the last one, N training
 * timesteps. Sigmas are {@code timestep / N}, shifted towards noise, more so for larger images:
 * {@code mu / (mu + 1 / sigma - 1)} with {@code mu = maxShift * sqrt(tokens / baseTokens) +
 * baseShift}. The network sees the UNSHIFTED timestep minus 1; the Euler step uses the shifted
 * sigmas. The model was trained this way. With 1000 times the shifted sigma as its timestep, images
 * become magenta and grainy.
 *
 * <p>Computed in float32 wherever the reference is, so that sigmas agree to the last bit.
 *
 * <p>Ported from diffusers src/diffusers/schedulers/scheduling_flow_match_euler_discrete.py,
 * FlowMatchEulerDiscreteScheduler, and src/diffusers/pipelines/glm_image/pipeline_glm_image.py,
 * calculate_shift and the timesteps of __call__ (commit 58eb52c). Deviations: only the settings
 * that GLM-Image uses; later versions of diffusers pass the shifted timestep to the network.
 */
public final class FlowMatchEulerScheduler {
  private static final Set<String> KNOWN =
      Set.of(
          "num_train_timesteps",
          "shift", // Has no effect with dynamic shifting.
          "use_dynamic_shifting",
          "base_shift",
          "max_shift",
          "base_image_seq_len",
          "max_image_seq_len", // Has no effect: the shift is not bounded.
          "invert_sigmas",
          "shift_terminal",
          "use_karras_sigmas",
          "use_exponential_sigmas",
          "use_beta_sigmas",
          "time_shift_type",
          "stochastic_sampling");

  private final int trainTimesteps;
  private final int baseTokens;
  private final double baseShift;
  private final double maxShift;

  private FlowMatchEulerScheduler(
      int trainTimesteps, int baseTokens, double baseShift, double maxShift) {
    this.trainTimesteps = trainTimesteps;
    this.baseTokens = baseTokens;
    this.baseShift = baseShift;
    this.maxShift = maxShift;
  }

  /**
   * Reads {@code scheduler/scheduler_config.json}.
   *
   * @throws CheckpointException if the file is damaged or asks for another schedule
   */
  public static FlowMatchEulerScheduler load(CheckpointFolder checkpoint) {
    return of(checkpoint.config("scheduler/scheduler_config.json"));
  }

  static FlowMatchEulerScheduler of(ConfigFile file) {
    file.requireText("_class_name", "FlowMatchEulerDiscreteScheduler");
    for (String key : file.keys()) {
      // Such flags choose another schedule; other settings that are not known have no effect.
      if (key.startsWith("use_") && !KNOWN.contains(key)) {
        requireFlag(file, key, false);
      }
    }
    file.warnOfOthers(KNOWN);
    requireFlag(file, "use_dynamic_shifting", true);
    for (String key :
        new String[] {
          "invert_sigmas",
          "use_karras_sigmas",
          "use_exponential_sigmas",
          "use_beta_sigmas",
          "stochastic_sampling"
        }) {
      requireFlag(file, key, false);
    }
    String shiftType = file.text("time_shift_type", "exponential");
    if (!shiftType.equals("linear")) {
      throw file.error(
          "time_shift_type", "is \"" + shiftType + "\", but only \"linear\" is supported");
    }
    if (file.number("shift_terminal", 0) != 0) {
      throw file.error("shift_terminal", "only null is supported");
    }
    int train = file.has("num_train_timesteps") ? file.size("num_train_timesteps") : 1000;
    int base = file.has("base_image_seq_len") ? file.size("base_image_seq_len") : 256;
    double baseShift = file.numberOrWarn("base_shift", 0.5);
    double maxShift = file.numberOrWarn("max_shift", 1.15);
    if (!(baseShift >= 0) || !(maxShift >= 0) || baseShift + maxShift == 0) {
      throw file.error(
          "base_shift",
          "is "
              + baseShift
              + " and max_shift is "
              + maxShift
              + ", but neither may be below 0, and not both may be 0");
    }
    return new FlowMatchEulerScheduler(train, base, baseShift, maxShift);
  }

  private static void requireFlag(ConfigFile file, String key, boolean known) {
    if (file.flag(key, false) != known) {
      throw file.error(key, "is " + !known + ", but only " + known + " is supported");
    }
  }

  /** The largest number of steps. With more, timesteps would repeat. */
  public int maxSteps() {
    return trainTimesteps;
  }

  /**
   * The schedule of an image.
   *
   * @param steps 1 to {@link #maxSteps}
   * @param imageTokens DiT tokens of the target
   * @throws InvalidRequestException if the number of steps is out of range
   */
  public Schedule schedule(int steps, int imageTokens) {
    if (steps < 1 || steps > trainTimesteps) {
      throw new InvalidRequestException(
          "Cannot denoise in " + steps + " steps: expected 1 to " + trainTimesteps);
    }
    if (imageTokens < 1) {
      throw new IllegalArgumentException("Invalid number of image tokens: " + imageTokens);
    }
    float mu = (float) mu(imageTokens);
    float[] timesteps = new float[steps];
    float[] sigmas = new float[steps + 1];
    double step = (1.0 - trainTimesteps) / steps;
    for (int i = 0; i < steps; i++) {
      timesteps[i] = (int) (i * step + trainTimesteps);
      float sigma = timesteps[i] / trainTimesteps;
      sigmas[i] = mu / (mu + (1 / sigma - 1));
    }
    return new Schedule(timesteps, sigmas);
  }

  /** The shift of the sigmas for an image of this many tokens. */
  double mu(int imageTokens) {
    return Math.sqrt((double) imageTokens / baseTokens) * maxShift + baseShift;
  }
}
