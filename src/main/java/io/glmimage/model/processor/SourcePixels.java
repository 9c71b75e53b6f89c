package io.glmimage.model.processor;

import io.glmimage.model.Grid;

/**
 * One source image as the vision tower takes it. P patches, L values a patch.
 *
 * @param grid patches down and across; P in all
 * @param patchLength L, channels times frames times patch area
 * @param values {@code [P, L]} float32; patches ordered by merge blocks, inside a patch channel,
 *     frame, row, column
 */
public record SourcePixels(Grid grid, int patchLength, float[] values) {
  public SourcePixels {
    if (values.length != grid.size() * patchLength) {
      throw new IllegalArgumentException(
          values.length + " values for " + grid + " patches of " + patchLength);
    }
  }
}
