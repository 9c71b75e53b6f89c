package io.glmimage.manifest;

import java.util.List;

/**
 * A row that cannot be tried.
 *
 * @param message what is wrong with which column and what to do about it
 */
public record Rejection(
    long index, String id, String prompt, List<String> imagePaths, String message)
    implements RowOutcome {
  public Rejection {
    imagePaths = List.copyOf(imagePaths);
  }
}
