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

  static RotaryConfig read(ConfigFile rope, int headDim) {
    rope.requireText("rope_type", "default");
    int width = (int) (headDim * rope.number("partial_rotary_factor", 1));
    int[] sections =
        rope.has("mrope_section") ? rope.integers("mrope_section") : new int[] {8, 12, 12};
    if (width % 2 != 0 || width > headDim || Arrays.stream(sections).sum() != width / 2) {
      throw rope.error(
          "mrope_section",
          Arrays.toString(sections) + " does not add up to half the rotated width " + width);
    }
    return new RotaryConfig(width, sections, rope.number("rope_theta", THETA_DEFAULT));
  }
}
