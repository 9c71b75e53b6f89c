package io.glmimage.jinja;

import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;

/**
 * The function {@code strftime_now} of transformers: the time of rendering, with the usual
 * directives.
 */
final class Clock {
  private Clock() {}

  static Object format(Arguments arguments) {
    String format =
        Values.string(arguments.bind("strftime_now", List.of("format")).require("format"));
    return format(format, LocalDateTime.now(ZoneId.systemDefault()));
  }

  static String format(String format, LocalDateTime time) {
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < format.length(); i++) {
      char c = format.charAt(i);
      if (c != '%') {
        out.append(c);
        continue;
      }
      boolean plain = i + 2 < format.length() && format.charAt(i + 1) == '-';
      i += plain ? 2 : 1;
      char directive = i < format.length() ? format.charAt(i) : ' ';
      String text = directive(directive, time);
      // "%-d" has no leading zeros.
      out.append(plain && text.length() > 1 && text.charAt(0) == '0' ? text.substring(1) : text);
    }
    return out.toString();
  }

  private static String directive(char directive, LocalDateTime time) {
    String pattern =
        switch (directive) {
          case 'Y' -> "uuuu";
          case 'y' -> "uu";
          case 'm' -> "MM";
          case 'B' -> "MMMM";
          case 'b' -> "MMM";
          case 'd' -> "dd";
          case 'e' -> "ppd";
          case 'A' -> "EEEE";
          case 'a' -> "EEE";
          case 'j' -> "DDD";
          case 'H' -> "HH";
          case 'I' -> "hh";
          case 'M' -> "mm";
          case 'S' -> "ss";
          case 'p' -> "a";
          case 'F' -> "uuuu-MM-dd";
          case 'T' -> "HH:mm:ss";
          case '%' -> "'%'";
          default ->
              throw new JinjaException("strftime_now does not support \"%" + directive + "\"");
        };
    return DateTimeFormatter.ofPattern(pattern, Locale.ENGLISH).format(time);
  }
}
