package io.glmimage.manifest;

import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Locale;

/** A picture that stands in the manifest itself: {@code data:image/png;base64,...} (RFC 2397). */
public final class DataUrl {
  private static final String SCHEME = "data:";
  private static final int SHOWN_CHARS = 40;

  private DataUrl() {}

  public static boolean is(String path) {
    return path.regionMatches(true, 0, SCHEME, 0, SCHEME.length());
  }

  /**
   * The picture's file.
   *
   * @throws IllegalArgumentException if it is no base64
   */
  public static byte[] bytes(String url) {
    int comma = url.indexOf(',');
    if (comma < 0 || !url.substring(0, comma).toLowerCase(Locale.ROOT).endsWith(";base64")) {
      throw new IllegalArgumentException("a data URL must be data:image/...;base64,...");
    }
    // The MIME decoder would skip everything that is not base64, damage included.
    byte[] text =
        url.substring(comma + 1).replaceAll("\\s", "").getBytes(StandardCharsets.US_ASCII);
    return Base64.getDecoder().decode(text);
  }

  /** A path as it is shown: of a data URL the start and its length, of any other all. */
  public static String shown(String path) {
    if (!is(path)) {
      return path;
    }
    int comma = path.indexOf(',');
    String head = path.substring(0, Math.min(comma < 0 ? SHOWN_CHARS : comma, SHOWN_CHARS));
    return head + ",... (" + path.length() + " characters)";
  }
}
