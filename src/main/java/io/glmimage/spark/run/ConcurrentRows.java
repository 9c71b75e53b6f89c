package io.glmimage.spark.run;

import io.glmimage.error.JobException;
import io.glmimage.io.DaemonThreads;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.apache.spark.TaskContext;
import org.apache.spark.sql.Row;
import org.apache.spark.util.TaskCompletionListener;

/** Asks the storage about many rows of a task at the same time, and keeps their order. */
final class ConcurrentRows {
  /** A request to an object store takes about 30 ms, nearly all of it waiting. */
  private static final int THREADS = 16;

  /** Number of rows that are in work together. */
  private static final int CHUNK = 512;

  private ConcurrentRows() {}

  /** The work on one row. */
  @FunctionalInterface
  interface Work<R> {
    R of(Row row) throws IOException;
  }

  /**
   * The results of all rows, in their order. Must be called in a Spark task, with whose end the
   * threads end.
   *
   * @param purpose of the work, for messages: {@code "plan the rows"}
   */
  static <R> Iterator<R> map(Iterator<Row> rows, String purpose, Work<R> work) {
    ExecutorService threads =
        Executors.newFixedThreadPool(THREADS, DaemonThreads.named(purpose.replace(' ', '-')));
    TaskCompletionListener end = context -> threads.shutdownNow();
    TaskContext.get().addTaskCompletionListener(end);
    return new Iterator<>() {
      private Iterator<R> ready = Collections.emptyIterator();

      @Override
      public boolean hasNext() {
        if (!ready.hasNext() && rows.hasNext()) {
          List<Row> chunk = new ArrayList<>();
          while (chunk.size() < CHUNK && rows.hasNext()) {
            chunk.add(rows.next());
          }
          ready = results(chunk, threads, purpose, work).iterator();
        }
        return ready.hasNext();
      }

      @Override
      public R next() {
        if (!hasNext()) {
          throw new NoSuchElementException();
        }
        return ready.next();
      }
    };
  }

  /**
   * The results of some rows, in their order.
   *
   * @throws JobException if the work on a row fails, or the thread is interrupted
   */
  static <R> List<R> results(
      List<Row> rows, ExecutorService threads, String purpose, Work<R> work) {
    List<Future<R>> started = new ArrayList<>();
    for (Row row : rows) {
      started.add(threads.submit(() -> work.of(row)));
    }
    List<R> results = new ArrayList<>();
    for (Future<R> one : started) {
      try {
        results.add(one.get());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new JobException("Cannot " + purpose + ": interrupted", e);
      } catch (ExecutionException e) {
        throw new JobException("Cannot " + purpose + ": " + e.getCause().getMessage(), e);
      }
    }
    return results;
  }
}
