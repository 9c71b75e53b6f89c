package io.glmimage.model.prior;

import io.glmimage.model.Grid;

/**
 * One source image as the vision tower reads it.
 *
 * @param grid rows and columns of patches, N in total
 * @param patches {@code [N, L]}: the patches in row-major order of the grid, normalised by the
 *     processor; within a patch in the order channel, row, column. Not copied: treat it as
 *     read-only
 */
public record PriorSource(Grid grid, float[] patches) {}
