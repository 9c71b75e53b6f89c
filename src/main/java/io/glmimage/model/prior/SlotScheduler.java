package io.glmimage.model.prior;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.ToIntFunction;

/**
 * Decodes rows side by side in a fixed number of slots. A finished row leaves its slot before the
 * next step, and the first waiting row takes it. Rows are admitted in their order; the scheduler
 * never looks at tokens, only counts them.
 *
 * @param <R> a row
 */
final class SlotScheduler<R> {
  private final Slots<R> slots;
  private final ToIntFunction<R> tokens;

  /** The slots that the scheduler fills. */
  interface Slots<R> {
    /** Number of slots. */
    int count();

    /**
     * Starts rows in free slots and draws their first tokens.
     *
     * @param rows by slot, in the order in which they waited
     */
    void admit(SortedMap<Integer, R> rows);

    /** Draws the next token in every slot. */
    void step();

    /** Takes the tokens of a finished row and frees its slot. */
    void leave(int slot, R row);
  }

  /** A row in its slot, with the number of tokens drawn so far. */
  private static final class Running<R> {
    final R row;
    int drawn = 1;

    Running(R row) {
      this.row = row;
    }
  }

  /**
   * A scheduler for slots.
   *
   * @param tokens how many tokens a row needs, at least 1
   */
  SlotScheduler(Slots<R> slots, ToIntFunction<R> tokens) {
    this.slots = slots;
    this.tokens = tokens;
  }

  /**
   * Decodes all rows to their end.
   *
   * @param afterStep runs after every step
   */
  void run(List<R> rows, Runnable afterStep) {
    Deque<R> waiting = new ArrayDeque<>(rows);
    List<Running<R>> running = new ArrayList<>(Collections.nCopies(slots.count(), null));
    while (refill(running, waiting)) {
      slots.step();
      for (Running<R> in : running) {
        if (in != null) {
          in.drawn++;
        }
      }
      afterStep.run();
    }
  }

  /**
   * Lets finished rows leave and admits waiting ones, all that fit together.
   *
   * @return whether any slot holds a row that needs another step
   */
  private boolean refill(List<Running<R>> running, Deque<R> waiting) {
    for (int slot = 0; slot < running.size(); slot++) {
      leaveIfDone(running, slot);
    }
    // A row of a single token is done when it is admitted.
    SortedMap<Integer, R> entering = entering(running, waiting);
    while (!entering.isEmpty()) {
      slots.admit(entering);
      entering.forEach(
          (slot, row) -> {
            running.set(slot, new Running<>(row));
            leaveIfDone(running, slot);
          });
      entering = entering(running, waiting);
    }
    return running.stream().anyMatch(Objects::nonNull);
  }

  /** Takes a waiting row for each free slot. */
  private static <R> SortedMap<Integer, R> entering(List<Running<R>> running, Deque<R> waiting) {
    SortedMap<Integer, R> rows = new TreeMap<>();
    for (int slot = 0; slot < running.size() && !waiting.isEmpty(); slot++) {
      if (running.get(slot) == null) {
        rows.put(slot, waiting.remove());
      }
    }
    return rows;
  }

  private void leaveIfDone(List<Running<R>> running, int slot) {
    Running<R> in = running.get(slot);
    if (in != null && in.drawn == tokens.applyAsInt(in.row)) {
      slots.leave(slot, in.row);
      running.set(slot, null);
    }
  }
}
