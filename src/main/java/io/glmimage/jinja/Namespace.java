package io.glmimage.jinja;

import java.util.LinkedHashMap;
import java.util.Map;

/** A value of {@code namespace(...)}, whose attributes templates can set. */
final class Namespace {
  private final Map<String, Object> values = new LinkedHashMap<>();

  static Namespace of(Arguments arguments) {
    Namespace made = new Namespace();
    for (Object given : arguments.positional()) {
      Values.dict(given).forEach((name, value) -> made.values.put(Values.text(name), value));
    }
    made.values.putAll(arguments.named());
    return made;
  }

  void set(String name, Object value) {
    values.put(name, value);
  }

  Object get(String name) {
    return values.containsKey(name) ? values.get(name) : Undefined.attribute(this, name);
  }
}
