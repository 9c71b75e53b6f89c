package io.glmimage.jinja;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.IntPredicate;
import java.util.stream.Collectors;

/** The methods of Python's strings. */
final class StringMethods {
  private StringMethods() {}

  /** The method of a text; {@link Methods#ABSENT} if strings have none of the name. */
  static Object find(String text, String name) {
    return switch (name) {
      case "strip", "lstrip", "rstrip" ->
          Methods.function(
              name, List.of("chars"), given -> strip(text, name, given.get("chars", null)));
      case "split", "rsplit" ->
          Methods.function(
              name,
              List.of("sep", "maxsplit"),
              given -> {
                Budget.use(text.length());
                return split(
                    text,
                    given.get("sep", null),
                    given.count("maxsplit", -1),
                    name.equals("rsplit"));
              });
      case "splitlines" -> Methods.function(name, List.of(), given -> lines(text));
      case "startswith" ->
          Methods.function(
              name,
              List.of("prefix"),
              given -> any(given.require("prefix")).stream().anyMatch(text::startsWith));
      case "endswith" ->
          Methods.function(
              name,
              List.of("suffix"),
              given -> any(given.require("suffix")).stream().anyMatch(text::endsWith));
      case "removeprefix" ->
          Methods.function(
              name,
              List.of("prefix"),
              given -> {
                String prefix = Values.string(given.require("prefix"));
                return text.startsWith(prefix) ? text.substring(prefix.length()) : text;
              });
      case "removesuffix" ->
          Methods.function(
              name,
              List.of("suffix"),
              given -> {
                String suffix = Values.string(given.require("suffix"));
                return text.endsWith(suffix)
                    ? text.substring(0, text.length() - suffix.length())
                    : text;
              });
      case "lower", "casefold" ->
          Methods.function(name, List.of(), given -> PythonText.lower(text));
      case "upper" -> Methods.function(name, List.of(), given -> PythonText.upper(text));
      case "title" -> Methods.function(name, List.of(), given -> PythonText.title(text));
      case "capitalize" -> Methods.function(name, List.of(), given -> PythonText.capitalize(text));
      case "replace" ->
          Methods.function(
              name,
              List.of("old", "new", "count"),
              given ->
                  replace(
                      text,
                      Values.string(given.require("old")),
                      Values.string(given.require("new")),
                      given.count("count", -1)));
      case "join" ->
          Methods.function(
              name,
              List.of("iterable"),
              given -> {
                String joined =
                    Values.items(given.require("iterable")).stream()
                        .map(Values::string)
                        .collect(Collectors.joining(text));
                Budget.use(joined.length());
                return joined;
              });
      case "find", "rfind", "index", "rindex" ->
          Methods.function(
              name,
              List.of("sub"),
              given -> position(text, name, Values.string(given.require("sub"))));
      case "count" ->
          Methods.function(
              name, List.of("sub"), given -> count(text, Values.string(given.require("sub"))));
      case "partition", "rpartition" ->
          Methods.function(
              name,
              List.of("sep"),
              given -> partition(text, Values.string(given.require("sep")), name.charAt(0) == 'r'));
      case "ljust", "rjust", "center" ->
          Methods.function(
              name,
              List.of("width", "fillchar"),
              given -> pad(text, name, given.count("width", 0), given.text("fillchar", " ")));
      case "zfill" ->
          Methods.function(name, List.of("width"), given -> zeros(text, given.count("width", 0)));
      case "format" -> (Function) arguments -> Formatting.braces(text, arguments);
      case "isdigit" -> test(name, text, Character::isDigit);
      case "isdecimal", "isnumeric" -> test(name, text, Character::isDigit);
      case "isalpha" -> test(name, text, Character::isLetter);
      case "isalnum" -> test(name, text, Character::isLetterOrDigit);
      case "isspace" -> test(name, text, PythonText::isSpace);
      case "isascii" ->
          Methods.function(name, List.of(), given -> text.chars().allMatch(c -> c < 128));
      case "isupper" -> Methods.function(name, List.of(), given -> PythonText.isUpper(text));
      case "islower" -> Methods.function(name, List.of(), given -> PythonText.isLower(text));
      default -> Methods.ABSENT;
    };
  }

  private static Function test(String name, String text, IntPredicate character) {
    return Methods.function(
        name, List.of(), given -> !text.isEmpty() && text.codePoints().allMatch(character));
  }

  private static List<String> any(Object given) {
    return given instanceof Tuple several
        ? several.items().stream().map(Values::string).toList()
        : List.of(Values.string(given));
  }

  static String strip(String text, String side, Object characters) {
    IntPredicate stripped =
        characters == null ? PythonText::isSpace : c -> Values.string(characters).indexOf(c) >= 0;
    String start = side.equals("rstrip") ? text : PythonText.stripStart(text, stripped);
    return side.equals("lstrip") ? start : PythonText.stripEnd(start, stripped);
  }

  private static List<Object> split(String text, Object separator, int limit, boolean fromEnd) {
    List<Object> parts =
        separator == null
            ? words(text, limit, fromEnd)
            : pieces(text, Values.string(separator), limit, fromEnd);
    if (fromEnd) {
      Collections.reverse(parts);
    }
    return parts;
  }

  /** From the end: in reverse order. */
  private static List<Object> pieces(String text, String separator, int limit, boolean fromEnd) {
    if (separator.isEmpty()) {
      throw new JinjaException("split has an empty separator");
    }
    List<Object> parts = new ArrayList<>();
    String rest = text;
    while (limit < 0 || parts.size() < limit) {
      int at = fromEnd ? rest.lastIndexOf(separator) : rest.indexOf(separator);
      if (at < 0) {
        break;
      }
      parts.add(fromEnd ? rest.substring(at + separator.length()) : rest.substring(0, at));
      rest = fromEnd ? rest.substring(0, at) : rest.substring(at + separator.length());
    }
    parts.add(rest);
    return parts;
  }

  private static List<Object> words(String text, int limit, boolean fromEnd) {
    List<Object> parts = new ArrayList<>();
    String rest = fromEnd ? PythonText.stripEnd(text) : PythonText.stripStart(text);
    while (!rest.isEmpty()) {
      if (limit >= 0 && parts.size() == limit) {
        parts.add(rest);
        break;
      }
      if (fromEnd) {
        String before = PythonText.stripEnd(rest, c -> !PythonText.isSpace(c));
        parts.add(rest.substring(before.length()));
        rest = PythonText.stripEnd(before);
      } else {
        String after = PythonText.stripStart(rest, c -> !PythonText.isSpace(c));
        parts.add(rest.substring(0, rest.length() - after.length()));
        rest = PythonText.stripStart(after);
      }
    }
    return parts;
  }

  /** The lines of a text, without their ends. */
  static List<Object> lines(String text) {
    List<Object> lines = new ArrayList<>();
    int start = 0;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if ((c >= '\n' && c <= '\r')
          || (c >= 0x1c && c <= 0x1e)
          || c == 0x85
          || c == 0x2028
          || c == 0x2029) {
        lines.add(text.substring(start, i));
        if (c == '\r' && i + 1 < text.length() && text.charAt(i + 1) == '\n') {
          i++;
        }
        start = i + 1;
      }
    }
    if (start < text.length()) {
      lines.add(text.substring(start));
    }
    return lines;
  }

  static String replace(String text, String old, String replacement, int count) {
    StringBuilder out = new StringBuilder();
    int position = 0;
    for (int n = 0; count < 0 || n < count; n++) {
      int at = text.indexOf(old, position);
      if (at < 0 || (old.isEmpty() && at >= text.length())) {
        break;
      }
      int end = old.isEmpty() ? text.offsetByCodePoints(at, 1) : at;
      if (old.isEmpty()) {
        out.append(replacement).append(text, at, end);
        position = end;
      } else {
        out.append(text, position, at).append(replacement);
        position = at + old.length();
      }
      Budget.use(replacement.length() + 1L);
    }
    if (old.isEmpty()
        && position == text.length()
        && (count < 0 || PythonText.length(text) < count)) {
      out.append(replacement);
    }
    Budget.use(text.length());
    return out.append(text, position, text.length()).toString();
  }

  private static long position(String text, String name, String part) {
    int at = name.startsWith("r") ? text.lastIndexOf(part) : text.indexOf(part);
    if (at < 0 && name.endsWith("index")) {
      throw new JinjaException("the text does not have " + PythonText.quote(part));
    }
    return at < 0 ? -1 : text.codePointCount(0, at);
  }

  private static long count(String text, String part) {
    if (part.isEmpty()) {
      return PythonText.length(text) + 1L;
    }
    long count = 0;
    for (int at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length())) {
      count++;
    }
    return count;
  }

  private static Tuple partition(String text, String separator, boolean fromEnd) {
    if (separator.isEmpty()) {
      throw new JinjaException("partition has an empty separator");
    }
    int at = fromEnd ? text.lastIndexOf(separator) : text.indexOf(separator);
    if (at < 0) {
      return fromEnd ? new Tuple(List.of("", "", text)) : new Tuple(List.of(text, "", ""));
    }
    return new Tuple(
        List.of(text.substring(0, at), separator, text.substring(at + separator.length())));
  }

  static String pad(String text, String side, int width, String fill) {
    if (PythonText.length(fill) != 1) {
      throw new JinjaException("the fill text must be one character");
    }
    int missing = width - PythonText.length(text);
    if (missing <= 0) {
      return text;
    }
    Budget.use(missing);
    // Python gives the odd space to the left if the width is odd.
    int left =
        switch (side) {
          case "ljust" -> 0;
          case "rjust" -> missing;
          default -> missing / 2 + (missing & width & 1);
        };
    return fill.repeat(left) + text + fill.repeat(missing - left);
  }

  private static String zeros(String text, int width) {
    String sign = text.startsWith("-") || text.startsWith("+") ? text.substring(0, 1) : "";
    int missing = Math.max(0, width - PythonText.length(text));
    Budget.use(missing);
    return sign + "0".repeat(missing) + text.substring(sign.length());
  }
}
