package io.glmimage.manifest;

/** Properties of texts that users give. */
public final class Texts {
  /** Longer values are cut in messages and in the columns of results that show them. */
  private static final int SHOWN_CHARS = 300;

  /** Reasons longer than this are cut. */
  private static final int REASON_CHARS = 2000;

  private Texts() {}

  /**
   * Whether a text has no visible character: it is empty or has only white space of any kind.
   * No-break spaces, zero-width characters and control characters count as white space.
   */
  public static boolean isBlank(String text) {
    return text.codePoints().allMatch(Texts::isInvisible);
  }

  private static boolean isInvisible(int character) {
    if (Character.isWhitespace(character) || Character.isSpaceChar(character)) {
      return true;
    }
    int type = Character.getType(character);
    if (type == Character.CONTROL || type == Character.FORMAT) {
      return true;
    }
    return switch (character) {
      // Combining grapheme joiner, Hangul fillers, the empty Braille pattern.
      case 0x034F, 0x115F, 0x1160, 0x3164, 0xFFA0, 0x2800 -> true;
      // Variation selectors.
      default ->
          (character >= 0xFE00 && character <= 0xFE0F)
              || (character >= 0x180B && character <= 0x180F)
              || (character >= 0xE0100 && character <= 0xE01EF);
    };
  }

  /** The first line of a text without the mark with which some programs begin UTF-8 files. */
  public static String withoutByteOrderMark(String line) {
    return line.startsWith("\uFEFF") ? line.substring(1) : line;
  }

  /** A value as messages show it: the start and the length of a long one. */
  static String shown(String text) {
    return shown(text, SHOWN_CHARS);
  }

  /** A value of which messages show at most the first characters. */
  static String shown(String text, int chars) {
    return text.length() <= chars
        ? text
        : head(text, chars) + "... (" + text.length() + " characters)";
  }

  /** A reason without the end of a very long one. */
  static String reason(String text) {
    return text.length() <= REASON_CHARS ? text : head(text, REASON_CHARS) + "...";
  }

  /** The first characters, without half of a surrogate pair. */
  private static String head(String text, int chars) {
    int end = Character.isHighSurrogate(text.charAt(chars - 1)) ? chars - 1 : chars;
    return text.substring(0, end);
  }
}
