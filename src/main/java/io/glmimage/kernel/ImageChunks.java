package io.glmimage.kernel;

/**
 * How the blocks of a kernel share the positions of an image whose channels are last. It depends on
 * the image's shape only, so sums over chunks are the same on every GPU.
 *
 * @param positions of the image
 * @param length positions of a chunk, which one block takes
 */
record ImageChunks(long positions, long length) {
  private static final int LEAST_POSITIONS = KernelConstants.integer("NORM_POSITIONS");
  private static final int MOST_CHUNKS = KernelConstants.integer("NORM_CHUNKS");

  /** Chunks for an image with {@code channels} values of the guard's dtype at every position. */
  static ImageChunks of(KernelGuard guard, long positions, long channels) {
    // Positions that a block takes at once.
    long rows = KernelConstants.BLOCK_THREADS / (channels / guard.vector());
    long rounds =
        Math.max(LEAST_POSITIONS, LaunchGeometry.ceilDivide(positions, (long) MOST_CHUNKS * rows));
    return new ImageChunks(positions, rounds * rows);
  }

  long count() {
    return LaunchGeometry.ceilDivide(positions, length);
  }
}
