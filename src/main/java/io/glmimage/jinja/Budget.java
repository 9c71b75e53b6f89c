package io.glmimage.jinja;

import java.util.function.Supplier;

/**
 * Limits of one rendering: templates come with checkpoints, and must not hold up or exhaust an
 * executor. The limits belong to the thread that renders, because every operation on values counts.
 */
final class Budget {
  private static final long MAX_STEPS = 20_000_000;

  /** How often a template may go through each character of its variables, beyond that. */
  private static final long PER_CHARACTER = 100;

  private static final int MAX_DEPTH = 100;
  private static final ThreadLocal<Budget> CURRENT = new ThreadLocal<>();

  private final long limit;
  private long steps;
  private int depth;

  private Budget(long limit) {
    this.limit = limit;
  }

  /**
   * Renders with fresh limits.
   *
   * @param characters in the variables
   */
  static String limited(long characters, Supplier<String> rendering) {
    Budget outer = CURRENT.get();
    CURRENT.set(new Budget(MAX_STEPS + PER_CHARACTER * characters));
    try {
      return rendering.get();
    } catch (StackOverflowError e) {
      throw new JinjaException("the template recurses too deeply");
    } finally {
      if (outer == null) {
        CURRENT.remove();
      } else {
        CURRENT.set(outer);
      }
    }
  }

  /**
   * Counts work: evaluated expressions, copied characters and items.
   *
   * @throws JinjaException if the template has done too much
   */
  static void use(long amount) {
    Budget budget = CURRENT.get();
    budget.steps += amount;
    if (budget.steps > budget.limit) {
      throw new JinjaException("the template does not end, or builds too much text");
    }
  }

  /** Enters a macro or a loop that calls itself; {@link #leave} must follow. */
  static void enter() {
    Budget budget = CURRENT.get();
    if (budget.depth == MAX_DEPTH) {
      throw new JinjaException("the template recurses more than " + MAX_DEPTH + " times");
    }
    budget.depth++;
  }

  static void leave() {
    CURRENT.get().depth--;
  }
}
