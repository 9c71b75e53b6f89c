package io.glmimage.spark.run;

import io.glmimage.error.JobException;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import io.glmimage.spark.engine.EngineCall;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * Edits rows in batches. While one batch is in the engine, the source images of the next one are
 * read. The edited images of earlier ones are encoded and written. Results come out in the order of
 * the rows.
 *
 * <p>One thread, usually that of a Spark task, calls {@link #next}; it takes the rows from their
 * source and calls the engine. All other work runs on the executor.
 *
 * @param <T> a row
 * @param <R> the result of a row
 */
public final class BatchPipeline<T, R> {
  /** What is done to a row. */
  public interface Steps<T, R> {
    /** Reads the source images. Runs on the executor. */
    Read<R> read(T row);

    /** Edits the rows of a batch that are ready. Runs on the thread that asks for results. */
    EngineCall edit(List<EditRequest> requests);
  }

  /** A row whose source images have been read: ready for the engine, or finished without it. */
  public sealed interface Read<R> {}

  /** A row that the engine can edit. */
  public record Ready<R>(EditRequest request, Completion<R> completion) implements Read<R> {}

  /** A row that has its result already, because it cannot be edited. */
  public record Finished<R>(R result) implements Read<R> {}

  /**
   * Encodes and writes the edited image of one row. Runs on the executor. Implementations should
   * not hold the request: its decoded source images are no longer needed.
   */
  @FunctionalInterface
  public interface Completion<R> {
    /**
     * @param editSeconds the share of the row in the time that its batch spent in the engine
     */
    R complete(EditResult edited, double editSeconds);
  }

  private final Supplier<List<T>> source;
  private final Steps<T, R> steps;
  private final Consumer<List<T>> begin;
  private final Executor io;
  private final int batchesBeingWritten;

  /** The rows of all batches in work, oldest batch first. */
  private final Deque<List<T>> inWork = new ArrayDeque<>();

  /** Batches that have left the engine, oldest first. */
  private final Deque<List<Future<R>>> writing = new ArrayDeque<>();

  /** The batch that goes through the engine next; empty before the first and after the last one. */
  private List<Future<Read<R>>> reading = List.of();

  private boolean started;

  /**
   * @param source gives the rows of the next batch; an empty list ends the pipeline
   * @param begin receives the rows in work whenever a batch is added, before any of its rows is
   *     read; runs on the executor
   * @param io runs reads and writes; {@code Runnable::run} runs them one after the other
   * @param batchesBeingWritten number of batches that may wait to be written while another one is
   *     in the engine
   */
  public BatchPipeline(
      Supplier<List<T>> source,
      Steps<T, R> steps,
      Consumer<List<T>> begin,
      Executor io,
      int batchesBeingWritten) {
    this.source = source;
    this.steps = steps;
    this.begin = begin;
    this.io = io;
    this.batchesBeingWritten = batchesBeingWritten;
  }

  /**
   * The results of the next batch in the order of its rows; empty after the last batch.
   *
   * @throws JobException if the thread is interrupted. A failure of the engine, or an unchecked
   *     exception of a step, is thrown as it is
   */
  public List<R> next() {
    if (!started) {
      started = true;
      reading = read(source.get());
    }
    while (!reading.isEmpty() && writing.size() <= batchesBeingWritten) {
      List<Read<R>> rows = await(reading);
      // The following batch is read while this one is in the engine.
      reading = read(source.get());
      writing.add(edit(rows));
    }
    if (writing.isEmpty()) {
      return List.of();
    }
    List<R> results = await(writing.element());
    writing.remove();
    inWork.remove();
    return results;
  }

  private List<Future<Read<R>>> read(List<T> rows) {
    if (rows.isEmpty()) {
      return List.of();
    }
    inWork.add(rows);
    List<T> all = inWork.stream().flatMap(List::stream).toList();
    Future<?> begun =
        start(
            () -> {
              begin.accept(all);
              return null;
            });
    List<Future<Read<R>>> reads = new ArrayList<>();
    for (T row : rows) {
      reads.add(
          start(
              () -> {
                await(begun);
                return steps.read(row);
              }));
    }
    return reads;
  }

  private List<Future<R>> edit(List<Read<R>> rows) {
    List<EditRequest> requests = new ArrayList<>();
    for (Read<R> row : rows) {
      if (row instanceof Ready<R> ready) {
        requests.add(ready.request());
      }
    }
    EngineCall call = requests.isEmpty() ? new EngineCall(List.of(), 0) : steps.edit(requests);
    double share = requests.isEmpty() ? 0 : call.seconds() / requests.size();
    List<Future<R>> results = new ArrayList<>();
    int edited = 0;
    for (Read<R> row : rows) {
      if (row instanceof Ready<R> ready) {
        Completion<R> completion = ready.completion();
        EditResult result = call.results().get(edited++);
        results.add(start(() -> completion.complete(result, share)));
      } else if (row instanceof Finished<R> finished) {
        results.add(CompletableFuture.completedFuture(finished.result()));
      }
    }
    return results;
  }

  private <V> Future<V> start(Callable<V> work) {
    FutureTask<V> task = new FutureTask<>(work);
    io.execute(task);
    return task;
  }

  private static <V> List<V> await(List<Future<V>> all) {
    List<V> values = new ArrayList<>();
    for (Future<V> one : all) {
      values.add(await(one));
    }
    return values;
  }

  private static <V> V await(Future<V> one) {
    try {
      return one.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new JobException("Interrupted while images were read or written", e);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      if (e.getCause() instanceof Error cause) {
        throw cause;
      }
      throw new JobException("Cannot read or write images: " + e.getCause(), e.getCause());
    }
  }
}
