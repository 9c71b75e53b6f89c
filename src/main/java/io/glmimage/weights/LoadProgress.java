package io.glmimage.weights;

/** Receives the progress of loading a checkpoint. */
@FunctionalInterface
public interface LoadProgress {
  /** Ignores the progress. */
  LoadProgress NONE = (loaded, total) -> {};

  /**
   * Called by the loading thread after every tensor.
   *
   * @param loadedBytes loaded bytes of the weights, as stored; never more than {@code totalBytes}
   * @param totalBytes the size of all weight files of the checkpoint
   */
  void loaded(long loadedBytes, long totalBytes);
}
