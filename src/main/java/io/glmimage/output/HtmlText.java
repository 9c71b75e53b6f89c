package io.glmimage.output;

import java.util.Locale;

/** Texts and numbers as HTML. */
final class HtmlText {
  private static final int LONGEST_TEXT = 600;

  private HtmlText() {}

  /** Escapes a text, also for use as a quoted attribute. Very long texts are cut. */
  static String escaped(String text) {
    String cut = text;
    if (text.length() > LONGEST_TEXT) {
      boolean inPair = Character.isHighSurrogate(text.charAt(LONGEST_TEXT - 1));
      cut = text.substring(0, inPair ? LONGEST_TEXT - 1 : LONGEST_TEXT) + " ...";
    }
    StringBuilder out = new StringBuilder(cut.length() + 16);
    for (int i = 0; i < cut.length(); i++) {
      char c = cut.charAt(i);
      switch (c) {
        case '&' -> out.append("&amp;");
        case '<' -> out.append("&lt;");
        case '>' -> out.append("&gt;");
        case '"' -> out.append("&quot;");
        case '\'' -> out.append("&#39;");
        default -> out.append(c < ' ' && c != '\n' && c != '\t' ? ' ' : c);
      }
    }
    return out.toString();
  }

  /** A whole number with thin spaces between groups of three digits. */
  static String count(long number) {
    return String.format(Locale.ROOT, "%,d", number).replace(',', '\u202f');
  }

  /** A number with about three digits. */
  static String number(double value) {
    return value >= 100
        ? count(Math.round(value))
        : String.format(Locale.ROOT, value >= 10 ? "%.1f" : "%.2f", value);
  }

  static String percent(double fraction) {
    return String.format(Locale.ROOT, "%.1f %%", 100 * fraction);
  }

  /** A time such as 34 ms, 2.50 s, 4 min 10 s or 3 h 5 min. */
  static String duration(double seconds) {
    // Differences of sums leave traces of rounding.
    if (seconds < 1e-5) {
      return "0 ms";
    }
    if (seconds < 0.0995) {
      return String.format(Locale.ROOT, seconds < 0.001 ? "%.2g ms" : "%.0f ms", seconds * 1000);
    }
    if (seconds < 99.95) {
      return String.format(Locale.ROOT, seconds < 9.95 ? "%.2f s" : "%.1f s", seconds);
    }
    long s = Math.round(seconds);
    return s < 3600 ? s / 60 + " min " + s % 60 + " s" : s / 3600 + " h " + s / 60 % 60 + " min";
  }
}
