package io.glmimage.spark.weights;

import io.glmimage.io.DaemonThreads;
import io.glmimage.weights.ChunkReader;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/**
 * Reads and hashes the next chunk while the present one is being sent. At most one chunk is ahead,
 * which bounds the heap. Not thread-safe.
 */
final class ChunksAhead implements AutoCloseable {
  private final ChunkReader reader;
  private final ExecutorService thread =
      Executors.newSingleThreadExecutor(DaemonThreads.named("weights-read"));

  /** The chunk that is being read ahead, or -1. */
  private int index = -1;

  private Future<ChunkReader.Data> ahead;

  ChunksAhead(ChunkReader reader) {
    this.reader = reader;
  }

  /**
   * A chunk, as {@link ChunkReader#read}.
   *
   * @param next the chunk to read meanwhile, or -1
   */
  ChunkReader.Data read(int wanted, int next) throws InterruptedException {
    Future<ChunkReader.Data> read =
        wanted == index ? ahead : thread.submit(() -> reader.read(wanted));
    ahead = null;
    index = -1;
    ChunkReader.Data data;
    try {
      data = read.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException failure) {
        throw failure;
      }
      throw (Error) e.getCause();
    }
    if (next >= 0) {
      ahead = thread.submit(() -> reader.read(next));
      index = next;
    }
    return data;
  }

  /** Ends the thread, whose read is interrupted, and closes the reader. */
  @Override
  public void close() throws InterruptedException {
    thread.shutdownNow();
    if (thread.awaitTermination(30, TimeUnit.SECONDS)) {
      reader.close();
    }
  }
}
