package io.glmimage.kernel;

/** Sizes of grids and blocks. */
final class LaunchGeometry {
  static final int WARP = 32;

  /** CUDA's limit for the second dimension of a grid. */
  static final long MOST_BLOCKS_Y = 65535;

  private LaunchGeometry() {}

  /** Threads of a block that holds one row: each holds some vectors, and warps are whole. */
  static int rowThreads(KernelGuard guard, long width) {
    long threads = ceilDivide(width, (long) KernelConstants.ROW_VECTORS * guard.vector());
    return (int) (ceilDivide(threads, WARP) * WARP);
  }

  /**
   * Rows that a block takes in turn, such that each multiprocessor has at most four blocks. All
   * blocks are then resident, and none waits for another to end.
   */
  static long rowsPerBlock(KernelPrograms programs, long rows) {
    return ceilDivide(rows, 4L * programs.multiprocessors());
  }

  /** Blocks of {@link KernelConstants#BLOCK_THREADS} threads. */
  static long blocks(long threads) {
    return ceilDivide(threads, KernelConstants.BLOCK_THREADS);
  }

  static long ceilDivide(long a, long b) {
    return (a + b - 1) / b;
  }
}
