package io.glmimage.tensor;

import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * Keeps the recording of CUDA graphs and the emptying of libtorch's caches apart. libtorch empties
 * the caches of all GPUs of the process together, and fails if one of them is recording. GPUs may
 * record at the same time.
 */
public final class GraphRecordings {
  private static final GraphRecordings OF_PROCESS = new GraphRecordings();

  private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();

  GraphRecordings() {}

  public static GraphRecordings ofProcess() {
    return OF_PROCESS;
  }

  /** Records. */
  public void record(Runnable recording) {
    lock.readLock().lock();
    try {
      recording.run();
    } finally {
      lock.readLock().unlock();
    }
  }

  /** Runs an action when no GPU is recording; does nothing if the calling thread itself records. */
  void outside(Runnable action) {
    if (lock.getReadHoldCount() > 0) {
      return;
    }
    lock.writeLock().lock();
    try {
      action.run();
    } finally {
      lock.writeLock().unlock();
    }
  }
}
