package io.glmimage.jinja;

import java.util.ArrayList;
import java.util.List;

/**
 * The numbers of {@code range(...)}.
 *
 * @param items the numbers
 * @param text what a print gives
 */
record Range(List<Object> items, String text) {
  /** Jinja's sandbox has the same limit. */
  private static final int MAX_ITEMS = 100_000;

  static Range of(Arguments arguments) {
    if (!arguments.named().isEmpty()
        || arguments.positional().isEmpty()
        || arguments.positional().size() > 3) {
      throw new JinjaException("range takes one to three numbers");
    }
    List<Object> given = arguments.positional();
    long start = given.size() == 1 ? 0 : Numbers.index(given.get(0));
    long stop = Numbers.index(given.get(given.size() == 1 ? 0 : 1));
    long step = given.size() == 3 ? Numbers.index(given.get(2)) : 1;
    if (step == 0) {
      throw new JinjaException("range has the step 0");
    }
    List<Object> items = new ArrayList<>();
    for (long i = start; step > 0 ? i < stop : i > stop; i += step) {
      if (items.size() == MAX_ITEMS) {
        throw new JinjaException("range has more than " + MAX_ITEMS + " numbers");
      }
      items.add(i);
    }
    return new Range(items, "range(" + start + ", " + stop + (step == 1 ? "" : ", " + step) + ")");
  }
}
