package io.glmimage.jinja;

import java.util.HashMap;
import java.util.Map;

/** The variables of a block, above those of the blocks around it. */
final class Scope {
  private static final Object ABSENT = new Object();

  private final Scope outer;
  private final Map<String, Object> values = new HashMap<>();

  Scope(Scope outer) {
    this.outer = outer;
  }

  void set(String name, Object value) {
    values.put(name, value);
  }

  Object get(String name) {
    for (Scope scope = this; scope != null; scope = scope.outer) {
      Object value = scope.values.getOrDefault(name, ABSENT);
      if (value != ABSENT) {
        return value;
      }
    }
    return Undefined.name(name);
  }
}
