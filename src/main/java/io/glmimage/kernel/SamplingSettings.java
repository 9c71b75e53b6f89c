package io.glmimage.kernel;

/**
 * How the next token is drawn.
 *
 * @param temperature above 0; logits are divided by it
 * @param topK number of most likely ids that are kept, and all ids with the same logit as the last
 *     one; 0 keeps all, 1 takes the most likely id
 * @param topP the most likely ids are kept until their probabilities sum up to it; the id that
 *     crosses it is kept too; 1 keeps all
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

  /** Takes the most likely id, and the lowest one of several with the same logit. */
  public static SamplingSettings greedy() {
    return new SamplingSettings(1, 1, 1);
  }
}
