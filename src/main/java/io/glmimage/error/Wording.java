package io.glmimage.error;

/** Phrases that many messages share. */
public final class Wording {
  private Wording() {}

  /** A number with its noun: {@code "1 row"}, {@code "2 rows"}. The noun's plural ends in s. */
  public static String count(long number, String noun) {
    return number + " " + noun + (number == 1 ? "" : "s");
  }

  /**
   * A text of users on one line, for consoles and logs: line ends, other control characters and
   * marks that reverse the direction of writing become escapes such as {@code \\n}. Otherwise an id
   * or a path could forge lines or control the terminal.
   */
  public static String oneLine(String text) {
    if (text.chars().noneMatch(Wording::isControl)) {
      return text;
    }
    StringBuilder line = new StringBuilder();
    for (int i = 0; i < text.length(); i++) {
      char character = text.charAt(i);
      switch (character) {
        case '\n' -> line.append("\\n");
        case '\r' -> line.append("\\r");
        case '\t' -> line.append("\\t");
        default -> {
          if (isControl(character)) {
            line.append(String.format("\\u%04x", (int) character));
          } else {
            line.append(character);
          }
        }
      }
    }
    return line.toString();
  }

  private static boolean isControl(int character) {
    return Character.isISOControl(character)
        || character == 0x2028
        || character == 0x2029
        || (character >= 0x202A && character <= 0x202E)
        || (character >= 0x2066 && character <= 0x2069);
  }

  /**
   * Why a row cannot be edited. A reason that a component has begun in the same way, for the row as
   * its request, is not begun again.
   */
  public static String rowFailure(String id, String why) {
    String start = "Cannot edit row " + id + ": ";
    String request = "Cannot edit request " + id + ": ";
    String reason = why;
    while (reason.startsWith(start) || reason.startsWith(request)) {
      reason = reason.substring(reason.startsWith(start) ? start.length() : request.length());
    }
    return start + reason;
  }
}
