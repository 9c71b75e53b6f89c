package io.glmimage.image;

import java.util.Set;

/**
 * A decoded source image.
 *
 * @param image upright, 8-bit sRGB
 */
public record SourceImage(RgbImage image, Set<SourceTrait> traits) {
  public SourceImage {
    traits = Set.copyOf(traits);
  }
}
