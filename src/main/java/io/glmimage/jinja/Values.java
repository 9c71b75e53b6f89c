package io.glmimage.jinja;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/**
 * What Python does with any value: truth, text, comparison, items. A value is null (None), a {@link
 * Boolean}, a {@link Long}, a {@link Double}, a {@link String}, a {@link List}, a {@link Map} or
 * one of this package's classes.
 */
final class Values {
  private Values() {}

  static boolean truth(Object value) {
    if (value == null || value instanceof Undefined) {
      return false;
    }
    if (value instanceof Boolean truth) {
      return truth;
    }
    if (Numbers.isNumber(value)) {
      return Numbers.real(value) != 0;
    }
    if (value instanceof String text) {
      return !text.isEmpty();
    }
    if (value instanceof Map<?, ?> map) {
      return !map.isEmpty();
    }
    List<Object> items = sequence(value);
    return items == null || !items.isEmpty();
  }

  /** What a print gives. */
  static String text(Object value) {
    if (value instanceof String text) {
      return text;
    }
    StringBuilder out = new StringBuilder();
    if (!(value instanceof Undefined)) {
      quote(value, out);
    }
    return out.toString();
  }

  /** A value as Python prints it inside lists. */
  static String quoted(Object value) {
    StringBuilder out = new StringBuilder();
    quote(value, out);
    return out.toString();
  }

  private static void quote(Object value, StringBuilder out) {
    Budget.use(value instanceof String text ? text.length() : 1);
    if (value == null) {
      out.append("None");
    } else if (value instanceof Boolean truth) {
      out.append(truth ? "True" : "False");
    } else if (value instanceof Double number) {
      out.append(Numbers.text(number));
    } else if (value instanceof String text) {
      out.append(PythonText.quote(text));
    } else if (value instanceof Undefined) {
      out.append("Undefined");
    } else if (value instanceof List<?> list) {
      quote(list, "[", "]", out);
    } else if (value instanceof Tuple tuple) {
      quote(tuple.items(), "(", tuple.items().size() == 1 ? ",)" : ")", out);
    } else if (value instanceof DictView view) {
      quote(view.items(), view.name() + "([", "])", out);
    } else if (value instanceof Range range) {
      out.append(range.text());
    } else if (value instanceof Map<?, ?> map) {
      String separator = "{";
      for (Map.Entry<?, ?> entry : map.entrySet()) {
        out.append(separator);
        quote(entry.getKey(), out);
        out.append(": ");
        quote(entry.getValue(), out);
        separator = ", ";
      }
      out.append(map.isEmpty() ? "{}" : "}");
    } else if (value instanceof Long || value instanceof OpaqueValue) {
      out.append(value);
    } else {
      out.append('<').append(type(value)).append('>');
    }
  }

  private static void quote(List<?> items, String begin, String end, StringBuilder out) {
    out.append(begin);
    for (Iterator<?> item = items.iterator(); item.hasNext(); ) {
      quote(item.next(), out);
      if (item.hasNext()) {
        out.append(", ");
      }
    }
    out.append(end);
  }

  /** A noun for a kind of value, for messages. */
  static String type(Object value) {
    if (value == null) {
      return "None";
    }
    if (value instanceof Boolean) {
      return "a boolean";
    }
    if (value instanceof Long) {
      return "a whole number";
    }
    if (value instanceof Double) {
      return "a number";
    }
    if (value instanceof String) {
      return "a string";
    }
    if (value instanceof List) {
      return "a list";
    }
    if (value instanceof Map) {
      return "a mapping";
    }
    if (value instanceof Tuple) {
      return "a tuple";
    }
    if (value instanceof Range) {
      return "a range";
    }
    if (value instanceof DictView) {
      return "a view of a mapping";
    }
    if (value instanceof Stream) {
      return "a stream of items";
    }
    if (value instanceof Namespace) {
      return "a namespace";
    }
    if (value instanceof Undefined) {
      return "an undefined value";
    }
    return value instanceof Function ? "a function" : "an object";
  }

  /** The message of a failed use: that of the undefined value, if it is one. */
  static String failing(Object value, String otherwise) {
    return value instanceof Undefined undefined ? undefined.message() : otherwise;
  }

  /** Fails with an undefined value's own message. */
  static void requireDefined(Object value) {
    if (value instanceof Undefined undefined) {
      throw new JinjaException(undefined.message());
    }
  }

  static String string(Object value) {
    if (value instanceof String text) {
      return text;
    }
    throw new JinjaException(failing(value, "expected a string, found " + type(value)));
  }

  static Map<?, ?> dict(Object value) {
    if (value instanceof Map<?, ?> map) {
      return map;
    }
    throw new JinjaException(failing(value, "expected a mapping, found " + type(value)));
  }

  /** The items of a value with an order and indices, or of a view; null for other values. */
  @SuppressWarnings("unchecked")
  static List<Object> sequence(Object value) {
    if (value instanceof List<?> list) {
      return (List<Object>) list;
    }
    if (value instanceof Tuple tuple) {
      return tuple.items();
    }
    if (value instanceof Range range) {
      return range.items();
    }
    return value instanceof DictView view ? view.items() : null;
  }

  static boolean isIterable(Object value) {
    return value instanceof String
        || value instanceof Map
        || value instanceof Stream
        || value instanceof Undefined
        || sequence(value) != null;
  }

  /** The items of a loop over a value. */
  static List<Object> items(Object value) {
    if (value instanceof String text) {
      return PythonText.characters(text);
    }
    if (value instanceof Map<?, ?> map) {
      return new ArrayList<>(map.keySet());
    }
    if (value instanceof Stream stream) {
      return stream.drain();
    }
    if (value instanceof Undefined) {
      return List.of();
    }
    List<Object> items = sequence(value);
    if (items == null) {
      throw new JinjaException(type(value) + " has no items");
    }
    return items;
  }

  static long length(Object value) {
    if (value instanceof String text) {
      return PythonText.length(text);
    }
    if (value instanceof Map<?, ?> map) {
      return map.size();
    }
    if (value instanceof Undefined) {
      return 0;
    }
    List<Object> items = sequence(value);
    if (items == null) {
      throw new JinjaException(type(value) + " has no length");
    }
    return items.size();
  }

  static boolean equal(Object a, Object b) {
    Budget.use(1);
    if (Numbers.isNumber(a) && Numbers.isNumber(b)) {
      boolean whole = Numbers.isWhole(a) && Numbers.isWhole(b);
      return whole ? Numbers.whole(a) == Numbers.whole(b) : Numbers.real(a) == Numbers.real(b);
    }
    if (a instanceof Undefined && b instanceof Undefined) {
      return true;
    }
    if (a instanceof List<?> one && b instanceof List<?> other) {
      return equalItems(one, other);
    }
    if (a instanceof Tuple one && b instanceof Tuple other) {
      return equalItems(one.items(), other.items());
    }
    if (a instanceof Range one && b instanceof Range other) {
      return equalItems(one.items(), other.items());
    }
    if (a instanceof Map<?, ?> one && b instanceof Map<?, ?> other) {
      return one.size() == other.size()
          && one.entrySet().stream()
              .allMatch(
                  e -> other.containsKey(e.getKey()) && equal(e.getValue(), other.get(e.getKey())));
    }
    return same(a, b) || (a instanceof OpaqueValue && a.equals(b));
  }

  private static boolean equalItems(List<?> one, List<?> other) {
    if (one.size() != other.size()) {
      return false;
    }
    for (int i = 0; i < one.size(); i++) {
      if (!equal(one.get(i), other.get(i))) {
        return false;
      }
    }
    return true;
  }

  /** Whether two values are one object; equal constants are. */
  @SuppressWarnings("ReferenceEquality")
  static boolean same(Object a, Object b) {
    if (a instanceof Long || a instanceof Boolean || a instanceof String || a instanceof Double) {
      return a.equals(b);
    }
    return a == b;
  }

  /** Compares two numbers, strings or sequences. */
  static int compare(Object a, Object b) {
    Budget.use(1);
    if (Numbers.isNumber(a) && Numbers.isNumber(b)) {
      return Numbers.isWhole(a) && Numbers.isWhole(b)
          ? Long.compare(Numbers.whole(a), Numbers.whole(b))
          : Double.compare(Numbers.real(a), Numbers.real(b));
    }
    if (a instanceof String one && b instanceof String other) {
      return compareText(one, other);
    }
    if ((a instanceof List && b instanceof List) || (a instanceof Tuple && b instanceof Tuple)) {
      List<Object> one = sequence(a);
      List<Object> other = sequence(b);
      for (int i = 0; i < Math.min(one.size(), other.size()); i++) {
        if (!equal(one.get(i), other.get(i))) {
          return compare(one.get(i), other.get(i));
        }
      }
      return Integer.compare(one.size(), other.size());
    }
    requireDefined(a);
    requireDefined(b);
    throw new JinjaException("cannot compare " + type(a) + " with " + type(b));
  }

  /** By code points. */
  private static int compareText(String a, String b) {
    int i = 0;
    while (i < a.length() && i < b.length()) {
      int one = a.codePointAt(i);
      int other = b.codePointAt(i);
      if (one != other) {
        return Integer.compare(one, other);
      }
      i += Character.charCount(one);
    }
    return Integer.compare(a.length(), b.length());
  }

  /** The operator {@code in}. */
  static boolean contains(Object container, Object item) {
    if (container instanceof String text) {
      return text.contains(string(item));
    }
    if (container instanceof Map<?, ?> map) {
      return map.containsKey(key(item));
    }
    return items(container).stream().anyMatch(found -> equal(found, item));
  }

  /** A value as the key of a mapping: numbers that are equal are one key. */
  static Object key(Object value) {
    if (value instanceof Boolean truth) {
      return truth ? 1L : 0L;
    }
    if (value instanceof Double number && number == Math.rint(number) && Math.abs(number) < 1e15) {
      return number.longValue();
    }
    if (value instanceof List || value instanceof Map) {
      throw new JinjaException(type(value) + " cannot be a key");
    }
    return value;
  }
}
