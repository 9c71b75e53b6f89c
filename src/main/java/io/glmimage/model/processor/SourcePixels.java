package io.glmimage.model.processor;

import io.glmimage.model.Grid;

/**
 * One source image as the vision tower reads it. P patches of L values.
 *
 * @param grid rows and columns of patches, P in total
 * @param patchLength L, channels times frames times patch area
 * @param values {@code [P, L]} float32; patches in the order of merge blocks, within a patch in the
 *     order channel, frame, row, column
 */
public record SourcePixels(Grid grid, int patchLength, float[] values) {
  public SourcePixels {
    if (values.length != grid.size() * patchLength) {
      throw new IllegalArgumentException(
          "Invalid source pixels: "
              + values.length
              + " values for "
              + grid
              + " patches of "
              + patchLength);
    }
  }
}
