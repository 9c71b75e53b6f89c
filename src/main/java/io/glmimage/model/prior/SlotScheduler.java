package io.glmimage.model.prior;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
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

    /** Starts a row in a free slot and draws its first token. */
    void admit(int slot, R row);

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
   * Lets finished rows leave and admits waiting ones, slot by slot.
   *
   * @return whether any slot holds a row that needs another step
   */
  private boolean refill(List<Running<R>> running, Deque<R> waiting) {
    boolean busy = false;
    for (int slot = 0; slot < running.size(); slot++) {
      leaveIfDone(running, slot);
      // A row of a single token is done when it is admitted.
      while (running.get(slot) == null && !waiting.isEmpty()) {
        R row = waiting.remove();
        slots.admit(slot, row);
        running.set(slot, new Running<>(row));
        leaveIfDone(running, slot);
      }
      busy |= running.get(slot) != null;
    }
    return busy;
  }

  private void leaveIfDone(List<Running<R>> running, int slot) {
    Running<R> in = running.get(slot);
    if (in != null && in.drawn == tokens.applyAsInt(in.row)) {
      slots.leave(slot, in.row);
      running.set(slot, null);
    }
  }
}
