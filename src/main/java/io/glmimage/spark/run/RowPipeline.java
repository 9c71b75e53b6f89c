package io.glmimage.spark.run;

import io.glmimage.error.GlmImageException;
import io.glmimage.error.JobException;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import io.glmimage.spark.engine.RowEngine;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/**
 * Edits rows. Each row is read, goes through the engine and is written on its own. While the engine
 * edits one row, the source images of others are read, and edited images of others are written.
 *
 * <p>One thread, usually that of a Spark task, calls {@link #next}; it takes the rows from their
 * source and gives them to the engine. All other work runs on the executor.
 *
 * @param <T> a row
 * @param <R> the result of a row
 */
public final class RowPipeline<T, R> implements AutoCloseable {
  /** What is done to a row. */
  public interface Steps<T, R> {
    /** Reads the source images. Runs on the executor. */
    Step<R> read(T row);

    /**
     * Opens the engine, before the first row that needs it. Runs on the thread that asks for
     * results.
     *
     * @param coming as for {@link RowEngine#coming}
     * @param failures receives failures of the engine as a whole
     */
    RowEngine open(int coming, Consumer<GlmImageException> failures);
  }

  /** What comes next for a row. */
  public sealed interface Step<R> {}

  /** The row goes to the engine. */
  public record Ready<R>(EditRequest request, Completion<R> completion) implements Step<R> {}

  /** The row has its result. */
  public record Finished<R>(R result) implements Step<R> {}

  /**
   * Encodes and writes the edited image of one row, or sends the row to the engine again. Runs on
   * the executor. Implementations should not hold the request if they do not need it again: its
   * decoded source images take much memory.
   */
  @FunctionalInterface
  public interface Completion<R> {
    /**
     * @param editSeconds time that the row took in the engine
     */
    Step<R> complete(EditResult edited, double editSeconds);
  }

  /** The order in which results come out. */
  public enum Order {
    /** Each row as soon as it is finished. */
    AS_FINISHED,
    /** The order of the source. */
    OF_ROWS
  }

  /**
   * How the rows go through.
   *
   * @param rows most rows in work at the same time
   * @param nanoTime the clock that decides when rows are read although few have finished
   */
  public record Flow(int rows, Order order, LongSupplier nanoTime) {
    public Flow(int rows, Order order) {
      this(rows, order, System::nanoTime);
    }
  }

  /** When rows take long, each is replaced this long after the last time that rows were begun. */
  static final long REPLACE_NANOS = 1_000_000_000L;

  /** A row in work. */
  private final class Row {
    final T row;
    R result;
    boolean isRead;
    boolean isFinished;

    Row(T row) {
      this.row = row;
    }
  }

  /** Something that has happened on another thread. Runs on the thread that asks for results. */
  @FunctionalInterface
  private interface Event {
    void happen();
  }

  private final Supplier<Optional<T>> source;
  private final Steps<T, R> steps;
  private final Consumer<List<T>> begin;
  private final Executor io;
  private final Flow flow;
  private final BlockingQueue<Event> events = new LinkedBlockingQueue<>();

  // The fields below belong to the thread that asks for results.

  /** The rows whose results have not been given out, in the order of the source. */
  private final Deque<Row> inWork = new ArrayDeque<>();

  /** Rows that wait until the engine is open. */
  private final Deque<Runnable> early = new ArrayDeque<>();

  private RowEngine engine;
  private boolean sourceEnded;

  /** Whether rows are being announced; no others are begun until then. */
  private boolean isAnnouncing;

  private long lastBegin;

  /**
   * @param source gives the next row; an empty value ends the pipeline
   * @param begin receives the rows in work whenever rows are added, before any of those is read;
   *     runs on the executor
   * @param io runs reads and writes; {@code Runnable::run} runs them at once
   */
  public RowPipeline(
      Supplier<Optional<T>> source,
      Steps<T, R> steps,
      Consumer<List<T>> begin,
      Executor io,
      Flow flow) {
    this.source = source;
    this.steps = steps;
    this.begin = begin;
    this.io = io;
    this.flow = flow;
  }

  /** Whether all rows have come out. */
  public boolean isDone() {
    return sourceEnded && inWork.isEmpty();
  }

  /**
   * The results since the last call. Waits for one if there is none.
   *
   * @param mostNanos longest time to wait
   * @return empty if the time has passed, or after the last row
   * @throws JobException if the thread is interrupted. A failure of the engine, or an unchecked
   *     exception of a step, is thrown as it is
   */
  public List<R> next(long mostNanos) {
    long begun = System.nanoTime();
    while (true) {
      for (Event event = events.poll(); event != null; event = events.poll()) {
        event.happen();
      }
      beginRows();
      List<R> results = takeFinished();
      if (!results.isEmpty() || isDone()) {
        return results;
      }
      if (!early.isEmpty()) {
        openEngine();
      }
      if (!events.isEmpty()) {
        continue;
      }
      long left = mostNanos - (System.nanoTime() - begun);
      if (left <= 0) {
        return List.of();
      }
      awaitEvent(Math.min(left, nanosUntilBegin()));
    }
  }

  private void awaitEvent(long nanos) {
    try {
      Event event = events.poll(nanos, TimeUnit.NANOSECONDS);
      if (event != null) {
        event.happen();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new JobException("Interrupted while rows were being edited", e);
    }
  }

  private int room() {
    return sourceEnded || isAnnouncing ? 0 : flow.rows() - inWork.size();
  }

  private long nanosUntilBegin() {
    return room() == 0
        ? Long.MAX_VALUE
        : Math.max(1, lastBegin + REPLACE_NANOS - flow.nanoTime().getAsLong());
  }

  /**
   * Begins rows in place of those that have come out. Several together, if rows are fast, because
   * they are announced together.
   */
  private void beginRows() {
    int room = room();
    boolean many = room * 2 >= flow.rows();
    if (room == 0 || (!many && flow.nanoTime().getAsLong() - lastBegin < REPLACE_NANOS)) {
      return;
    }
    List<Row> begun = new ArrayList<>();
    while (begun.size() < room && !sourceEnded) {
      Optional<T> row = source.get();
      row.ifPresent(value -> begun.add(new Row(value)));
      sourceEnded = row.isEmpty();
    }
    if (begun.isEmpty()) {
      return;
    }
    lastBegin = flow.nanoTime().getAsLong();
    inWork.addAll(begun);
    tellComing();
    List<T> all = inWork.stream().map(row -> row.row).toList();
    isAnnouncing = true;
    onExecutor(
        () -> {
          begin.accept(all);
          begun.forEach(row -> step(row, () -> steps.read(row.row)));
          return () -> isAnnouncing = false;
        });
  }

  /** Takes a step of a row on the executor. */
  private void step(Row row, Callable<Step<R>> work) {
    onExecutor(
        () -> {
          Step<R> next = work.call();
          return () -> goOn(row, next);
        });
  }

  private void onExecutor(Callable<Event> work) {
    try {
      io.execute(
          () -> {
            try {
              events.add(work.call());
            } catch (Throwable e) {
              events.add(() -> fail(e));
            }
          });
    } catch (RejectedExecutionException e) {
      events.add(() -> fail(e));
    }
  }

  private static void fail(Throwable failure) {
    if (failure instanceof RuntimeException cause) {
      throw cause;
    }
    if (failure instanceof Error cause) {
      throw cause;
    }
    throw new JobException("Cannot read or write images: " + failure, failure);
  }

  private void goOn(Row row, Step<R> step) {
    if (step instanceof Ready<R> ready) {
      if (engine == null) {
        early.add(() -> toEngine(row, ready));
      } else {
        toEngine(row, ready);
      }
    } else if (step instanceof Finished<R> finished) {
      row.result = finished.result();
      row.isFinished = true;
      hasCome(row);
    }
  }

  private void toEngine(Row row, Ready<R> ready) {
    Completion<R> completion = ready.completion();
    engine.edit(
        ready.request(),
        (result, seconds) -> step(row, () -> completion.complete(result, seconds)));
    hasCome(row);
  }

  /** The row is no longer on its way to the engine: it has arrived there, or has its result. */
  private void hasCome(Row row) {
    if (!row.isRead) {
      row.isRead = true;
      tellComing();
    }
  }

  private void openEngine() {
    engine = steps.open(coming(), failure -> events.add(() -> fail(failure)));
    early.forEach(Runnable::run);
    early.clear();
  }

  private void tellComing() {
    if (engine != null) {
      engine.coming(coming());
    }
  }

  /** The number of rows on their way to the engine. */
  private int coming() {
    return (int) inWork.stream().filter(row -> !row.isRead).count();
  }

  private List<R> takeFinished() {
    List<R> results = new ArrayList<>();
    Iterator<Row> rows = inWork.iterator();
    while (rows.hasNext()) {
      Row row = rows.next();
      if (row.isFinished) {
        results.add(row.result);
        rows.remove();
      } else if (flow.order() == Order.OF_ROWS) {
        break;
      }
    }
    return results;
  }

  /** Withdraws the rows that wait for the engine; waits for one that is being edited. */
  @Override
  public void close() {
    if (engine != null) {
      engine.close();
    }
  }
}
