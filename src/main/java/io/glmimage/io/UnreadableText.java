package io.glmimage.io;

/** Arguments and file names that are not text in the charset of the locale. */
public final class UnreadableText {
  /** What Java makes of bytes that it cannot decode. */
  private static final char REPLACEMENT = '\uFFFD';

  private UnreadableText() {}

  /** Whether Java could not read all of an argument or of a file name. */
  public static boolean is(String text) {
    return text.indexOf(REPLACEMENT) >= 0;
  }
}
