package io.glmimage.manifest;

import java.util.List;

/**
 * A row that cannot be edited.
 *
 * @param message names the column, what is wrong with it, and what to do about it
 */
public record Rejection(
    long index, String id, String prompt, List<String> imagePaths, String message)
    implements RowOutcome {
  public Rejection {
    imagePaths = List.copyOf(imagePaths);
  }
}
