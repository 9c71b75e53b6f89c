package io.glmimage.spark.manifest;

import io.glmimage.io.DaemonThreads;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;

/** Reads pieces of many files at once, because reading is mostly waiting. Keeps their order. */
final class ParallelReads {
  private static final int THREADS = 32;

  /** Results that wait for their turn. */
  private static final int MOST_READY = 4096;

  private ParallelReads() {}

  /** Reads a piece of a file. */
  @FunctionalInterface
  interface Read<T, R> {
    R read(T file) throws IOException;
  }

  /**
   * Reads from each file, and passes on the results in the order of the files.
   *
   * @param use is called on the thread of the caller
   * @throws IOException or a RuntimeException of the first file in order that cannot be read
   */
  static <T, R> void forEach(List<T> files, Read<T, R> read, Consumer<R> use) throws IOException {
    if (files.isEmpty()) {
      return;
    }
    ExecutorService threads =
        Executors.newFixedThreadPool(
            Math.min(THREADS, files.size()), DaemonThreads.named("manifest-files"));
    try {
      for (int from = 0; from < files.size(); from += MOST_READY) {
        List<Future<R>> batch = new ArrayList<>();
        for (T file : files.subList(from, Math.min(files.size(), from + MOST_READY))) {
          batch.add(threads.submit(() -> read.read(file)));
        }
        for (Future<R> future : batch) {
          use.accept(get(future));
        }
      }
    } finally {
      threads.shutdownNow();
    }
  }

  private static <R> R get(Future<R> read) throws IOException {
    try {
      return read.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while files were read", e);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof IOException cause) {
        throw cause;
      }
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      throw new IllegalStateException(e.getCause());
    }
  }
}
