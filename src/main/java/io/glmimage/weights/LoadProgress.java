package io.glmimage.weights;

/** Is told how far the loading of a checkpoint is. */
@FunctionalInterface
public interface LoadProgress {
  /** For those who do not want to know. */
  LoadProgress NONE = (loaded, total) -> {};

  /**
   * Called by the loading thread, after every tensor.
   *
   * @param loadedBytes of the checkpoint's weights, as stored; never more than {@code totalBytes}
   * @param totalBytes the size of all weight files of the checkpoint
   */
  void loaded(long loadedBytes, long totalBytes);
}
