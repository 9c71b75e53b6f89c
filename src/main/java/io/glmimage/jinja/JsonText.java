package io.glmimage.jinja;

import java.util.List;
import java.util.Map;

/** The filter {@code tojson}, which writes JSON as Python's {@code json.dumps} does. */
final class JsonText {
  private final boolean ascii;
  private final String indent;
  private final String itemSeparator;
  private final String keySeparator;
  private final boolean sorted;
  private final StringBuilder out = new StringBuilder();

  private JsonText(Arguments.Bound given) {
    this.ascii = given.flag("ensure_ascii", false);
    Object width = given.get("indent", null);
    this.indent =
        width == null
            ? null
            : width instanceof String text
                ? text
                : " ".repeat(Math.min(1000, Math.max(0, Numbers.count(width))));
    this.sorted = given.flag("sort_keys", false);
    Object separators = given.get("separators", null);
    List<Object> pair =
        separators == null
            ? List.of(indent == null ? ", " : ",", ": ")
            : Values.sequence(separators);
    if (pair == null || pair.size() != 2) {
      throw new JinjaException("tojson takes two separators");
    }
    this.itemSeparator = Values.string(pair.get(0));
    this.keySeparator = Values.string(pair.get(1));
  }

  static Object filter(Object value, Arguments.Bound given) {
    JsonText text = new JsonText(given);
    text.write(value, 1);
    return text.out.toString();
  }

  private void write(Object value, int depth) {
    Budget.use(1);
    if (value == null) {
      out.append("null");
    } else if (value instanceof Boolean || value instanceof Long) {
      out.append(value);
    } else if (value instanceof Double number) {
      out.append(real(number));
    } else if (value instanceof String text) {
      quote(text);
    } else if (value instanceof Map<?, ?> map) {
      write(map, depth);
    } else if (value instanceof List || value instanceof Tuple) {
      write(Values.sequence(value), depth);
    } else {
      throw new JinjaException(
          Values.failing(value, Values.type(value) + " cannot be written as JSON"));
    }
  }

  private static String real(double number) {
    if (Double.isNaN(number)) {
      return "NaN";
    }
    return Double.isInfinite(number)
        ? (number > 0 ? "Infinity" : "-Infinity")
        : Numbers.text(number);
  }

  private void write(List<Object> items, int depth) {
    if (items.isEmpty()) {
      out.append("[]");
      return;
    }
    out.append('[');
    for (int i = 0; i < items.size(); i++) {
      separate(i, depth);
      write(items.get(i), depth + 1);
    }
    lineEnd(depth - 1);
    out.append(']');
  }

  private void write(Map<?, ?> map, int depth) {
    if (map.isEmpty()) {
      out.append("{}");
      return;
    }
    List<? extends Map.Entry<?, ?>> entries =
        sorted
            ? map.entrySet().stream()
                .sorted((a, b) -> Values.compare(a.getKey(), b.getKey()))
                .toList()
            : List.copyOf(map.entrySet());
    out.append('{');
    for (int i = 0; i < entries.size(); i++) {
      separate(i, depth);
      quote(key(entries.get(i).getKey()));
      out.append(keySeparator);
      write(entries.get(i).getValue(), depth + 1);
    }
    lineEnd(depth - 1);
    out.append('}');
  }

  private static String key(Object key) {
    if (key instanceof String text) {
      return text;
    }
    if (key == null) {
      return "null";
    }
    if (!Numbers.isNumber(key)) {
      throw new JinjaException(Values.type(key) + " cannot be a key of JSON");
    }
    return Values.text(key);
  }

  private void separate(int index, int depth) {
    if (index > 0) {
      out.append(itemSeparator);
    }
    lineEnd(depth);
  }

  private void lineEnd(int depth) {
    if (indent != null) {
      Budget.use((long) indent.length() * depth);
      out.append('\n').append(indent.repeat(depth));
    }
  }

  private void quote(String text) {
    Budget.use(text.length());
    out.append('"');
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '"' -> out.append("\\\"");
        case '\\' -> out.append("\\\\");
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        case '\f' -> out.append("\\f");
        case '\b' -> out.append("\\b");
        default -> {
          if (c < ' ' || (ascii && c > '~')) {
            out.append(String.format("\\u%04x", (int) c));
          } else {
            out.append(c);
          }
        }
      }
    }
    out.append('"');
  }
}
