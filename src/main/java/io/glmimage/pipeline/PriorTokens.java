package io.glmimage.pipeline;

import java.util.List;

/**
 * Prior ids in the token grids of the DiT: upsampled by 2 in both directions.
 *
 * @param target {@code [4 * rows * columns]} of the target grid
 * @param sources per source image {@code [4 * rows * columns]} of its grid
 */
public record PriorTokens(int[] target, List<int[]> sources) {}
