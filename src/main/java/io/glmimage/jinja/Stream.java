package io.glmimage.jinja;

import java.util.ArrayList;
import java.util.List;

/**
 * What filters such as {@code map} give: items that can be read once. Always true, and without a
 * length.
 */
final class Stream {
  private final List<Object> rest;

  Stream(List<Object> items) {
    this.rest = new ArrayList<>(items);
  }

  /** The items that have not been read. */
  List<Object> drain() {
    List<Object> items = new ArrayList<>(rest);
    rest.clear();
    return items;
  }

  /** The next item, or {@code otherwise} after the last. */
  Object next(Object otherwise) {
    return rest.isEmpty() ? otherwise : rest.remove(0);
  }
}
