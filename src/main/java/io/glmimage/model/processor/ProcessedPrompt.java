package io.glmimage.model.processor;

import io.glmimage.model.Grid;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/**
 * A prompt as the prior model reads it.
 *
 * @param inputIds token ids, with one placeholder id per token of a source image
 * @param sourceGrids of the source images, in order; empty for text-to-image
 * @param targetGrids for an edit: the target; for text-to-image: the target, then its small draft
 */
public record ProcessedPrompt(int[] inputIds, List<Grid> sourceGrids, List<Grid> targetGrids) {
  public ProcessedPrompt {
    sourceGrids = List.copyOf(sourceGrids);
    targetGrids = List.copyOf(targetGrids);
    if (targetGrids.size() != (sourceGrids.isEmpty() ? 2 : 1)) {
      throw new IllegalArgumentException(
          "Invalid prompt: "
              + targetGrids.size()
              + " target grids for "
              + sourceGrids.size()
              + " sources");
    }
  }

  public boolean isTextToImage() {
    return sourceGrids.isEmpty();
  }

  /** Sources, then targets: the order of image_grid_thw in the reference. */
  public List<Grid> grids() {
    return Stream.concat(sourceGrids.stream(), targetGrids.stream()).toList();
  }

  /** The grid of the edited image. */
  public Grid target() {
    return targetGrids.get(0);
  }

  /** The target grids in the order in which the model generates them: the draft first. */
  public List<Grid> decodeOrder() {
    return isTextToImage() ? List.of(targetGrids.get(1), targetGrids.get(0)) : targetGrids;
  }

  /** Number of generated tokens before the target's: those of the draft. */
  public int targetOffset() {
    return isTextToImage() ? targetGrids.get(1).size() : 0;
  }

  /** Tokens to generate: those of every target grid, and the end token. */
  public int maxNewTokens() {
    return targetOffset() + target().size() + 1;
  }

  /**
   * The target's ids among the generated ones. {@code [maxNewTokens]}, with or without the end
   * token, {@code -> [rows * columns]}
   *
   * @throws IllegalArgumentException if there are too few ids
   */
  public int[] targetIds(int[] generated) {
    int end = targetOffset() + target().size();
    if (generated.length < end) {
      throw new IllegalArgumentException(
          "Cannot take the target's tokens: "
              + generated.length
              + " were generated, "
              + end
              + " are needed");
    }
    return Arrays.copyOfRange(generated, targetOffset(), end);
  }
}
