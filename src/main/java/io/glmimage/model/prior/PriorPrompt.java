package io.glmimage.model.prior;

import io.glmimage.model.Grid;
import java.util.List;

/**
 * The prompt that the prior model continues for one row.
 *
 * @param inputIds the prompt's ids [P], with an image placeholder for every token of a source. Not
 *     copied: treat it as read-only
 * @param sourceTokens per source its codebook ids in row-major order, as {@link
 *     PriorModel#sourceTokens} returns them
 * @param sourceGrids per source its token grid
 * @param decodeGrids the grids to generate, in decoding order: the target for an edit, the draft
 *     and then the target for text-to-image. The last one is the result
 * @param seed of the sampling
 */
public record PriorPrompt(
    int[] inputIds,
    List<int[]> sourceTokens,
    List<Grid> sourceGrids,
    List<Grid> decodeGrids,
    long seed) {
  public PriorPrompt {
    sourceTokens = List.copyOf(sourceTokens);
    sourceGrids = List.copyOf(sourceGrids);
    decodeGrids = List.copyOf(decodeGrids);
  }

  /** Number of tokens to generate. */
  int newTokens() {
    return decodeGrids.stream().mapToInt(Grid::size).reduce(0, Math::addExact);
  }

  /** Number of generated tokens that belong to the result. */
  int resultTokens() {
    return decodeGrids.get(decodeGrids.size() - 1).size();
  }
}
