package io.glmimage.json;

/** Halves of surrogate pairs, which escapes in JSON can name and no Unicode text contains. */
public final class Surrogates {
  private Surrogates() {}

  /** Position of the first surrogate without its partner, or -1. */
  public static int unpaired(CharSequence text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (!Character.isSurrogate(c)) {
        continue;
      }
      if (Character.isHighSurrogate(c)
          && i + 1 < text.length()
          && Character.isLowSurrogate(text.charAt(i + 1))) {
        i++;
      } else {
        return i;
      }
    }
    return -1;
  }
}
