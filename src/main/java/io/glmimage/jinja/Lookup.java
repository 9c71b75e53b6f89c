package io.glmimage.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Attributes, items and slices of values. */
final class Lookup {
  private Lookup() {}

  /** {@code value.name}: the attribute, else the item. */
  static Object attribute(Object value, String name) {
    Values.requireDefined(value);
    if (name.startsWith("_")) {
      return Undefined.unsafe(value, name);
    }
    Object found = Methods.find(value, name);
    if (found != Methods.ABSENT) {
      return found;
    }
    return value instanceof Map<?, ?> map && map.containsKey(name)
        ? map.get(name)
        : Undefined.attribute(value, name);
  }

  /** {@code value[key]}: the item, else the attribute. */
  static Object item(Object value, Object key) {
    Values.requireDefined(value);
    if (value instanceof Map<?, ?> map && !(key instanceof List) && !(key instanceof Map)) {
      Object known = Values.key(key);
      if (map.containsKey(known)) {
        return map.get(known);
      }
    }
    if (Numbers.isWhole(key)) {
      return element(value, key);
    }
    return key instanceof String name ? byName(value, name) : Undefined.element(value, key);
  }

  private static Object byName(Object value, String name) {
    if (name.startsWith("_")) {
      return Undefined.unsafe(value, name);
    }
    Object found = Methods.find(value, name);
    return found != Methods.ABSENT ? found : Undefined.attribute(value, name);
  }

  private static Object element(Object value, Object key) {
    long index = Numbers.whole(key);
    if (value instanceof String text) {
      int length = PythonText.length(text);
      long at = index < 0 ? index + length : index;
      if (at < 0 || at >= length) {
        return Undefined.element(value, key);
      }
      return Character.toString(text.codePointAt(text.offsetByCodePoints(0, (int) at)));
    }
    List<Object> items = value instanceof DictView ? null : Values.sequence(value);
    if (items == null) {
      return Undefined.element(value, key);
    }
    long at = index < 0 ? index + items.size() : index;
    return at < 0 || at >= items.size() ? Undefined.element(value, key) : items.get((int) at);
  }

  /** {@code value[start:stop:step]}; null stands for a bound that is not given. */
  static Object slice(Object value, Object start, Object stop, Object step) {
    Values.requireDefined(value);
    if (value instanceof String text) {
      int[] characters = text.codePoints().toArray();
      int[] indices = PythonText.slice(characters.length, start, stop, step);
      Budget.use(characters.length);
      StringBuilder out = new StringBuilder();
      for (int i : indices) {
        out.appendCodePoint(characters[i]);
      }
      return out.toString();
    }
    List<Object> items = value instanceof DictView ? null : Values.sequence(value);
    if (items == null) {
      throw new JinjaException(Values.type(value) + " cannot be sliced");
    }
    List<Object> out = new ArrayList<>();
    for (int i : PythonText.slice(items.size(), start, stop, step)) {
      out.add(items.get(i));
    }
    Budget.use(out.size());
    return value instanceof Tuple ? new Tuple(out) : out;
  }
}
