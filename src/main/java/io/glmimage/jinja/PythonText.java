package io.glmimage.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.IntPredicate;

/**
 * Strings as Python has them: sequences of code points, with Python's white space, quoting and
 * escapes.
 */
final class PythonText {
  private PythonText() {}

  static int length(String text) {
    return text.codePointCount(0, text.length());
  }

  /** The code points of a text, each as a string. */
  static List<Object> characters(String text) {
    List<Object> out = new ArrayList<>();
    text.codePoints().forEach(c -> out.add(Character.toString(c)));
    return out;
  }

  static boolean isSpace(int c) {
    return Character.isWhitespace(c) || Character.isSpaceChar(c) || c == 0x85;
  }

  /** Whether all characters are white space; true for an empty text. */
  static boolean isSpace(String text) {
    return text.codePoints().allMatch(PythonText::isSpace);
  }

  static String stripStart(String text) {
    return stripStart(text, PythonText::isSpace);
  }

  static String stripEnd(String text) {
    return stripEnd(text, PythonText::isSpace);
  }

  static String strip(String text) {
    return stripEnd(stripStart(text));
  }

  static String stripStart(String text, IntPredicate stripped) {
    int start = 0;
    while (start < text.length() && stripped.test(text.codePointAt(start))) {
      start += Character.charCount(text.codePointAt(start));
    }
    return text.substring(start);
  }

  static String stripEnd(String text, IntPredicate stripped) {
    int end = text.length();
    while (end > 0 && stripped.test(text.codePointBefore(end))) {
      end -= Character.charCount(text.codePointBefore(end));
    }
    return text.substring(0, end);
  }

  static String lower(String text) {
    return text.toLowerCase(Locale.ROOT);
  }

  static String upper(String text) {
    return text.toUpperCase(Locale.ROOT);
  }

  /** The first character in upper case, the others in lower case. */
  static String capitalize(String text) {
    if (text.isEmpty()) {
      return text;
    }
    int first = text.codePointAt(0);
    return titleCase(first) + lower(text.substring(Character.charCount(first)));
  }

  /** Every run of letters capitalised. */
  static String title(String text) {
    StringBuilder out = new StringBuilder();
    boolean inside = false;
    for (int c : text.codePoints().toArray()) {
      boolean cased = isCased(c);
      out.append(
          !cased ? Character.toString(c) : inside ? lower(Character.toString(c)) : titleCase(c));
      inside = cased;
    }
    return out.toString();
  }

  private static boolean isCased(int c) {
    return Character.isUpperCase(c) || Character.isLowerCase(c) || Character.isTitleCase(c);
  }

  private static String titleCase(int c) {
    int title = Character.toTitleCase(c);
    return title != c ? Character.toString(title) : upper(Character.toString(c));
  }

  static boolean isUpper(String text) {
    return text.codePoints().anyMatch(PythonText::isCased)
        && text.codePoints().noneMatch(c -> Character.isLowerCase(c) || Character.isTitleCase(c));
  }

  static boolean isLower(String text) {
    return text.codePoints().anyMatch(PythonText::isCased)
        && text.codePoints().noneMatch(c -> Character.isUpperCase(c) || Character.isTitleCase(c));
  }

  /** A string literal as Python prints it inside lists. */
  static String quote(String text) {
    char mark = text.indexOf('\'') >= 0 && text.indexOf('"') < 0 ? '"' : '\'';
    StringBuilder out = new StringBuilder().append(mark);
    for (int c : text.codePoints().toArray()) {
      switch (c) {
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        case '\\' -> out.append("\\\\");
        default -> {
          if (c == mark) {
            out.append('\\').append(mark);
          } else if (isPrintable(c)) {
            out.appendCodePoint(c);
          } else if (c < 0x100) {
            out.append(String.format("\\x%02x", c));
          } else if (c < 0x10000) {
            out.append(String.format("\\u%04x", c));
          } else {
            out.append(String.format("\\U%08x", c));
          }
        }
      }
    }
    return out.append(mark).toString();
  }

  private static boolean isPrintable(int c) {
    return c == ' '
        || switch (Character.getType(c)) {
          case Character.CONTROL,
              Character.FORMAT,
              Character.SURROGATE,
              Character.PRIVATE_USE,
              Character.UNASSIGNED,
              Character.LINE_SEPARATOR,
              Character.PARAGRAPH_SEPARATOR,
              Character.SPACE_SEPARATOR ->
              false;
          default -> true;
        };
  }

  /** Resolves the escapes of a string literal. */
  static String unescape(String literal, int line) {
    if (literal.indexOf('\\') < 0) {
      return literal;
    }
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < literal.length(); ) {
      char c = literal.charAt(i++);
      if (c != '\\') {
        out.append(c);
        continue;
      }
      char escape = literal.charAt(i++);
      switch (escape) {
        case '\n' -> {}
        case 'n' -> out.append('\n');
        case 't' -> out.append('\t');
        case 'r' -> out.append('\r');
        case 'a' -> out.append('\u0007');
        case 'b' -> out.append('\b');
        case 'f' -> out.append('\f');
        case 'v' -> out.append('\u000b');
        case '\\', '\'', '"' -> out.append(escape);
        case 'x' -> i = hexadecimal(literal, i, 2, out, line);
        case 'u' -> i = hexadecimal(literal, i, 4, out, line);
        case 'U' -> i = hexadecimal(literal, i, 8, out, line);
        case 'N' -> throw new JinjaException("the escape \\N is not supported", line);
        case '0', '1', '2', '3', '4', '5', '6', '7' -> {
          int value = escape - '0';
          for (int k = 0; k < 2 && i < literal.length() && octal(literal.charAt(i)); k++) {
            value = value * 8 + literal.charAt(i++) - '0';
          }
          out.append((char) value);
        }
        default -> out.append('\\').append(escape);
      }
    }
    return out.toString();
  }

  private static boolean octal(char c) {
    return c >= '0' && c <= '7';
  }

  private static int hexadecimal(
      String literal, int start, int digits, StringBuilder out, int line) {
    int end = start + digits;
    try {
      out.appendCodePoint(Integer.parseInt(literal, start, end, 16));
      return end;
    } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
      throw new JinjaException("a string has an invalid escape", line);
    }
  }

  /** The part of a sequence that {@code [start:stop:step]} selects, as indices. */
  static int[] slice(int length, Object start, Object stop, Object step) {
    long by = step == null ? 1 : Numbers.index(step);
    if (by == 0) {
      throw new JinjaException("a slice has the step 0");
    }
    long first = bound(start, length, by, by > 0 ? 0 : length - 1L);
    long last = bound(stop, length, by, by > 0 ? length : -1L);
    List<Integer> indices = new ArrayList<>();
    for (long i = first; by > 0 ? i < last : i > last; i += by) {
      indices.add((int) i);
    }
    return indices.stream().mapToInt(Integer::intValue).toArray();
  }

  private static long bound(Object given, int length, long step, long otherwise) {
    if (given == null) {
      return otherwise;
    }
    long low = step > 0 ? 0 : -1;
    long high = step > 0 ? length : length - 1L;
    long value = Numbers.index(given);
    if (value < 0) {
      value += length;
    }
    return Math.max(low, Math.min(high, value));
  }
}
