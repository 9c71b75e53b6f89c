package io.glmimage.model.prior;

import io.glmimage.weights.ConfigFile;
import java.util.Arrays;

/**
 * The rotary embedding of the text model ({@code rope_parameters}).
 *
 * @param width R, the part of a head that is rotated
 * @param sections number of frequencies of each section; their sum is R/2
 * @param base of the frequencies
 */
record RotaryConfig(int width, int[] sections, double base) {
  /** The reference's default if the file does not have the key. */
  private static final double THETA_DEFAULT = 10_000;

  /**
   * Reads {@code rope_parameters}; as the reference, also the older {@code rope_scaling}, and
   * {@code rope_theta} and {@code partial_rotary_factor} outside of both.
   *
   * @param text the configuration of the text model
   */
  static RotaryConfig read(ConfigFile text, int headDim) {
    String older = "rope_scaling";
    boolean old = !text.has("rope_parameters") && text.has(older);
    ConfigFile rope = text.objectOrEmpty(old ? older : "rope_parameters");
    rope.requireText("rope_type", "default");
    rope.requireText("type", "default");
    double part = rope.number("partial_rotary_factor", text.number("partial_rotary_factor", 1));
    int width = (int) (headDim * part);
    int[] sections =
        rope.has("mrope_section") ? rope.integers("mrope_section") : new int[] {8, 12, 12};
    if (width % 2 != 0 || width > headDim || Arrays.stream(sections).sum() != width / 2) {
      throw rope.error(
          "mrope_section",
          Arrays.toString(sections) + " does not add up to half the rotated width " + width);
    }
    return new RotaryConfig(
        width, sections, rope.number("rope_theta", text.number("rope_theta", THETA_DEFAULT)));
  }
}
