package io.glmimage.jinja;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Python's two ways to fill values into a string, with their usual directives. */
final class Formatting {
  private static final Pattern PERCENT =
      Pattern.compile(
          "%(?:\\((?<name>[^)]*)\\))?(?<flags>[-0]*)(?<width>\\d{0,3})(?:\\.(?<decimals>\\d{1,2}))?(?<kind>.)",
          Pattern.DOTALL);

  private static final Pattern BRACES =
      Pattern.compile("\\{\\{|\\}\\}|\\{(?<field>[^{}]*)\\}|[{}]");

  private Formatting() {}

  /** {@code format % values}. */
  static String percent(String format, Object values) {
    List<Object> given = values instanceof Tuple tuple ? tuple.items() : null;
    StringBuilder out = new StringBuilder();
    Matcher directive = PERCENT.matcher(format);
    int used = 0;
    while (directive.find()) {
      String kind = directive.group("kind");
      Object value;
      if (kind.equals("%")) {
        directive.appendReplacement(out, "%");
        continue;
      } else if (directive.group("name") != null) {
        value = Values.dict(values).get(directive.group("name"));
      } else if (given == null && used == 0) {
        value = values;
        used++;
      } else if (given != null && used < given.size()) {
        value = given.get(used++);
      } else {
        throw new JinjaException(
            "there are fewer values than the format \"" + format + "\" has places");
      }
      directive.appendReplacement(
          out,
          Matcher.quoteReplacement(
              aligned(directive, directive(kind, directive.group("decimals"), value))));
    }
    boolean indexed =
        values instanceof Map || values instanceof List || values instanceof Undefined;
    if (given != null ? used < given.size() : used == 0 && !indexed) {
      throw new JinjaException(
          "there are more values than the format \"" + format + "\" has places");
    }
    return directive.appendTail(out).toString();
  }

  private static String directive(String kind, String decimals, Object value) {
    Values.requireDefined(value);
    return switch (kind) {
      case "s" -> Values.text(value);
      case "r" -> Values.quoted(value);
      case "d", "i" ->
          Long.toString(
              value instanceof Double number ? (long) (double) number : Numbers.index(value));
      case "f" -> {
        if (!Numbers.isNumber(value)) {
          throw new JinjaException("expected a number, found " + Values.type(value));
        }
        yield String.format(
            Locale.ROOT,
            "%." + (decimals == null ? 6 : Integer.parseInt(decimals)) + "f",
            Numbers.real(value));
      }
      default -> throw new JinjaException("the directive %" + kind + " is not supported");
    };
  }

  private static String aligned(Matcher directive, String text) {
    String width = directive.group("width");
    int missing = width.isEmpty() ? 0 : Integer.parseInt(width) - PythonText.length(text);
    if (missing <= 0) {
      return text;
    }
    String flags = directive.group("flags");
    if (flags.contains("-")) {
      return text + " ".repeat(missing);
    }
    if (flags.contains("0") && "dif".contains(directive.group("kind"))) {
      String sign = text.startsWith("-") ? "-" : "";
      return sign + "0".repeat(missing) + text.substring(sign.length());
    }
    return " ".repeat(missing) + text;
  }

  /**
   * {@code format.format(arguments)}; fields have a number, a name or nothing, and no directives.
   */
  static String braces(String format, Arguments arguments) {
    StringBuilder out = new StringBuilder();
    Matcher place = BRACES.matcher(format);
    int next = 0;
    while (place.find()) {
      String field = place.group("field");
      String text;
      if (field == null) {
        if (place.group().length() == 1) {
          throw new JinjaException("the format \"" + format + "\" has a single brace");
        }
        text = place.group().substring(1);
      } else if (field.isEmpty()) {
        text = positional(arguments, next++);
      } else if (field.matches("\\d{1,4}")) {
        text = positional(arguments, Integer.parseInt(field));
      } else {
        text = named(arguments.named(), field);
      }
      place.appendReplacement(out, Matcher.quoteReplacement(text));
    }
    return place.appendTail(out).toString();
  }

  private static String positional(Arguments arguments, int index) {
    if (index >= arguments.positional().size()) {
      throw new JinjaException("format has no value number " + index);
    }
    return Values.text(arguments.positional().get(index));
  }

  private static String named(Map<String, Object> values, String field) {
    if (!values.containsKey(field)) {
      throw new JinjaException(
          "format has no value \"" + field + "\", or the field is not supported");
    }
    return Values.text(values.get(field));
  }
}
