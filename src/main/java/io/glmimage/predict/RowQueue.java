package io.glmimage.predict;

import io.glmimage.error.DeviceException;
import io.glmimage.error.LostDeviceException;
import io.glmimage.io.DaemonThreads;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The rows that wait for one engine, whoever added them. A thread of the queue edits them in
 * rounds: it takes as many rows as the engine edits well together, in the order of their arrival,
 * and hands over each result as soon as it exists.
 *
 * <p>Callers do not affect each other. If a round fails and the device is not lost, the rest of its
 * rows are edited again, in rounds of one caller each. A caller that leaves withdraws its rows; it
 * waits only while the engine works on one of them.
 */
final class RowQueue {
  private static final Logger LOG = LoggerFactory.getLogger(RowQueue.class);

  /** Longest time that a round with free slots waits for rows that callers are reading. */
  static final Duration PATIENCE = Duration.ofSeconds(2);

  /** The queue's thread ends after this time without rows. */
  private static final long IDLE_SECONDS = 60;

  /** Edits the rows of a round. */
  @FunctionalInterface
  interface Rounds {
    /**
     * Calls {@link Round#isWanted} and {@link Round#edited} for its rows.
     *
     * @throws RuntimeException if the engine fails; rows without a result have failed
     */
    void edit(Round round);
  }

  /** Receives the failure of the engine, on the queue's thread. Must not throw. */
  @FunctionalInterface
  interface FailureReceiver {
    /**
     * @param ids of the caller's rows that were in the round
     */
    void failed(List<String> ids, Throwable failure);
  }

  private final Rounds rounds;
  private final Duration patience;
  private final ThreadPoolExecutor thread;

  // Everything below is guarded by this.
  private final Deque<Row> waiting = new ArrayDeque<>();
  private final Set<Caller> callers = new HashSet<>();

  /** The rows of the round that have no result yet. */
  private final Set<Row> inRound = new LinkedHashSet<>();

  /** The row of the round whose image is being made; null while all its rows are in work. */
  private Row current;

  private boolean running;
  private int rowsTogether = 1;

  RowQueue(Rounds rounds) {
    this(rounds, PATIENCE);
  }

  /**
   * @param patience as {@link #PATIENCE}
   */
  RowQueue(Rounds rounds, Duration patience) {
    this.rounds = rounds;
    this.patience = patience;
    thread =
        new ThreadPoolExecutor(
            1,
            1,
            IDLE_SECONDS,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            DaemonThreads.named("engine-rows"));
    thread.allowCoreThreadTimeOut(true);
  }

  /** The number of rows of a round, if so many are waiting. */
  synchronized void setRowsTogether(int rows) {
    rowsTogether = rows;
  }

  /**
   * A caller that may add rows.
   *
   * @param observer receives the caller's share of the engine's time
   * @param failures receives failures of the engine
   * @param coming as for {@link Caller#coming}
   */
  Caller caller(EngineObserver observer, FailureReceiver failures, int coming) {
    Caller caller = new Caller(observer, failures, coming);
    synchronized (this) {
      callers.add(caller);
    }
    return caller;
  }

  private static final class Row {
    final Caller caller;
    final LoadedModels.RowReceiver receiver;

    /** Null after the row has its result, so that its source images can be freed. */
    EditRequest request;

    /** Whether the row must not share a round with rows of other callers. */
    boolean apart;

    Row(Caller caller, EditRequest request, LoadedModels.RowReceiver receiver) {
      this.caller = caller;
      this.request = request;
      this.receiver = receiver;
    }
  }

  /** Someone who adds rows: usually a Spark task. */
  final class Caller {
    private final EngineObserver observer;
    private final FailureReceiver failures;
    private int coming;
    private boolean closed;

    private Caller(EngineObserver observer, FailureReceiver failures, int coming) {
      this.observer = observer;
      this.failures = failures;
      this.coming = coming;
    }

    /** Adds a row. Does nothing after {@link #close}. */
    void add(EditRequest request, LoadedModels.RowReceiver receiver) {
      synchronized (RowQueue.this) {
        if (closed) {
          return;
        }
        waiting.add(new Row(this, request, receiver));
        RowQueue.this.notifyAll();
        if (!running) {
          running = true;
          thread.execute(RowQueue.this::run);
        }
      }
    }

    /** Sets how many rows the caller is about to add, such as those whose images are being read. */
    void coming(int rows) {
      synchronized (RowQueue.this) {
        coming = rows;
        RowQueue.this.notifyAll();
      }
    }

    /**
     * Withdraws all rows. Waits while the engine works on one of them, even if the thread is
     * interrupted: the engine cannot be stopped. No receiver is called afterwards.
     */
    void close() {
      boolean interrupted = false;
      synchronized (RowQueue.this) {
        closed = true;
        callers.remove(this);
        waiting.removeIf(row -> row.caller == this);
        RowQueue.this.notifyAll();
        while (isInWork()) {
          try {
            RowQueue.this.wait();
          } catch (InterruptedException e) {
            interrupted = true;
          }
        }
      }
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }

    private boolean isInWork() {
      return current == null
          ? inRound.stream().anyMatch(row -> row.caller == this)
          : current.caller == this && inRound.contains(current);
    }
  }

  private void run() {
    for (List<Row> rows = take(); !rows.isEmpty(); rows = take()) {
      try {
        edit(rows);
      } catch (RuntimeException | Error e) {
        // The other callers' rows must not wait for ever.
        LOG.error("Cannot report a failure of the engine", e);
      }
    }
  }

  /** The rows of the next round; empty if no row is waiting, which ends the run. */
  private synchronized List<Row> take() {
    awaitComingRows();
    List<Row> rows = new ArrayList<>();
    Row first = waiting.peek();
    while (!waiting.isEmpty()
        && rows.size() < rowsTogether
        && (!first.apart
            || (waiting.element().apart && waiting.element().caller == first.caller))) {
      rows.add(waiting.remove());
    }
    inRound.addAll(rows);
    current = null;
    running = !rows.isEmpty();
    return rows;
  }

  private void awaitComingRows() {
    long end = System.nanoTime() + patience.toNanos();
    long left = patience.toNanos();
    while (left > 0
        && !waiting.isEmpty()
        && waiting.size() < rowsTogether
        && callers.stream().anyMatch(caller -> caller.coming > 0)) {
      try {
        TimeUnit.NANOSECONDS.timedWait(this, left);
      } catch (InterruptedException e) {
        // Nobody ends this thread: the rows are edited now.
        Thread.currentThread().interrupt();
        return;
      }
      left = end - System.nanoTime();
    }
  }

  private void edit(List<Row> rows) {
    boolean shared = rows.stream().anyMatch(row -> row.caller != rows.get(0).caller);
    Throwable failure = null;
    try {
      rounds.edit(new Round(rows));
    } catch (RuntimeException | Error e) {
      failure = e;
    }
    List<Row> left = leftOver();
    if (left.isEmpty()) {
      return;
    }
    if (failure == null) {
      failure = new IllegalStateException("the engine gave no result for " + ids(left));
    }
    if (shared && !isOfDevice(failure) && !(failure instanceof Error)) {
      putBack(left);
      return;
    }
    Set<Caller> failed = new LinkedHashSet<>();
    left.forEach(row -> failed.add(row.caller));
    for (Caller caller : failed) {
      caller.failures.failed(
          ids(left.stream().filter(row -> row.caller == caller).toList()), failure);
    }
  }

  private static boolean isOfDevice(Throwable failure) {
    return failure instanceof LostDeviceException || failure instanceof DeviceException;
  }

  private static List<String> ids(List<Row> rows) {
    return rows.stream().map(row -> row.request.id()).toList();
  }

  /** Ends the round. The rows that are still wanted and have no result. */
  private synchronized List<Row> leftOver() {
    List<Row> left = inRound.stream().filter(row -> !row.caller.closed).toList();
    inRound.clear();
    current = null;
    notifyAll();
    return left;
  }

  /** Puts rows in front of all others, caller by caller. */
  private synchronized void putBack(List<Row> rows) {
    Set<Caller> all = new LinkedHashSet<>();
    rows.forEach(row -> all.add(row.caller));
    List<Row> again = new ArrayList<>();
    for (Caller caller : all) {
      if (!caller.closed) {
        rows.stream().filter(row -> row.caller == caller).forEach(again::add);
      }
    }
    for (int i = again.size() - 1; i >= 0; i--) {
      again.get(i).apart = true;
      waiting.addFirst(again.get(i));
    }
  }

  /** Rows that go through the engine together. */
  final class Round {
    private final List<Row> rows;
    private final List<EditRequest> requests = new ArrayList<>();

    private Round(List<Row> rows) {
      this.rows = rows;
      rows.forEach(row -> requests.add(row.request));
    }

    /** The requests. The place of a row that has its result becomes null. */
    List<EditRequest> requests() {
      return requests;
    }

    /** The observer of a row's caller. */
    EngineObserver observer(int index) {
      return rows.get(index).caller.observer;
    }

    /** Whether the image of a row should be made. Only this row is in work from now on. */
    boolean isWanted(int index) {
      Row row = rows.get(index);
      synchronized (RowQueue.this) {
        boolean wanted = !row.caller.closed;
        if (!wanted) {
          inRound.remove(row);
        }
        current = row;
        RowQueue.this.notifyAll();
        return wanted;
      }
    }

    /** Whether any row without a result should still be edited. */
    boolean isAnyWanted() {
      synchronized (RowQueue.this) {
        return inRound.stream().anyMatch(row -> !row.caller.closed);
      }
    }

    /**
     * Hands over the result of a row.
     *
     * @param seconds as for {@link LoadedModels.RowReceiver#edited}
     */
    void edited(int index, EditResult result, double seconds) {
      Row row = rows.get(index);
      boolean wanted;
      synchronized (RowQueue.this) {
        wanted = !row.caller.closed;
      }
      if (wanted) {
        row.receiver.edited(result, seconds);
      }
      synchronized (RowQueue.this) {
        inRound.remove(row);
        row.request = null;
        requests.set(index, null);
        RowQueue.this.notifyAll();
      }
    }
  }
}
