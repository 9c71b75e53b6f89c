package io.glmimage.model.processor;

import io.glmimage.model.Grid;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/**
 * A prompt as the prior model takes it.
 *
 * @param inputIds token ids, with one placeholder id for every token of a source image
 * @param sourceGrids of the source images, in order; empty for text-to-image
 * @param targetGrids an edit: the picture; text-to-image: the picture, then its small draft
 */
public record ProcessedPrompt(int[] inputIds, List<Grid> sourceGrids, List<Grid> targetGrids) {
  public ProcessedPrompt {
    sourceGrids = List.copyOf(sourceGrids);
    targetGrids = List.copyOf(targetGrids);
    if (targetGrids.size() != (sourceGrids.isEmpty() ? 2 : 1)) {
      throw new IllegalArgumentException(
          targetGrids.size() + " target grids for " + sourceGrids.size() + " sources");
    }
  }

  public boolean isTextToImage() {
    return sourceGrids.isEmpty();
  }

  /** Sources, then targets: the order of the reference's image_grid_thw. */
  public List<Grid> grids() {
    return Stream.concat(sourceGrids.stream(), targetGrids.stream()).toList();
  }

  /** The grid of the picture that is asked for. */
  public Grid target() {
    return targetGrids.get(0);
  }

  /** The grids in the order in which the model writes them: text-to-image, the draft first. */
  public List<Grid> decodeOrder() {
    return isTextToImage() ? List.of(targetGrids.get(1), targetGrids.get(0)) : targetGrids;
  }

  /** Number of generated tokens in front of the picture's: the draft's. */
  public int targetOffset() {
    return isTextToImage() ? targetGrids.get(1).size() : 0;
  }

  /** Tokens to generate: every target grid's, and the end token. */
  public int maxNewTokens() {
    return targetOffset() + target().size() + 1;
  }

  /**
   * The picture's ids among the generated ones. {@code [maxNewTokens] or without the end token ->
   * [rows * columns]}
   *
   * @throws IllegalArgumentException if there are too few
   */
  public int[] targetIds(int[] generated) {
    int end = targetOffset() + target().size();
    if (generated.length < end) {
      throw new IllegalArgumentException(
          "Cannot take the picture's tokens: "
              + generated.length
              + " were generated, "
              + end
              + " are needed");
    }
    return Arrays.copyOfRange(generated, targetOffset(), end);
  }
}
