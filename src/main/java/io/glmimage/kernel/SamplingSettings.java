package io.glmimage.kernel;

/**
 * How the next token is drawn.
 *
 * @param temperature logits are divided by it; above 0
 * @param topK how many of the most likely ids stay (more, where several equal the last one's
 *     logit); 0 keeps all, 1 takes the most likely one
 * @param topP the most likely ids stay until their probabilities reach it, the one that crosses it
 *     included; 1 keeps all
 */
public record SamplingSettings(double temperature, int topK, double topP) {
  public SamplingSettings {
    if (!(temperature > 0) || Double.isInfinite(temperature)) {
      throw new IllegalArgumentException(
          "Invalid temperature: " + temperature + ", expected a number above 0");
    }
    if (topK < 0) {
      throw new IllegalArgumentException("Invalid top_k: " + topK + ", expected 0 (all) or more");
    }
    if (!(topP > 0) || topP > 1) {
      throw new IllegalArgumentException(
          "Invalid top_p: " + topP + ", expected a number above 0, up to 1 (all)");
    }
  }

  /** Always the most likely id; among equals the lowest. */
  public static SamplingSettings greedy() {
    return new SamplingSettings(1, 1, 1);
  }
}
