package io.glmimage.manifest;

import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Locale;

/** Source images inside the manifest: {@code data:image/png;base64,...} (RFC 2397). */
public final class DataUrl {
  private static final String SCHEME = "data:";
  private static final int SHOWN_CHARS = 40;

  private DataUrl() {}

  public static boolean is(String path) {
    return path.regionMatches(true, 0, SCHEME, 0, SCHEME.length());
  }

  /**
   * The decoded file.
   *
   * @throws IllegalArgumentException if the data are not base64
   */
  public static byte[] bytes(String url) {
    int comma = url.indexOf(',');
    if (comma < 0 || !url.substring(0, comma).toLowerCase(Locale.ROOT).endsWith(";base64")) {
      throw new IllegalArgumentException("a data URL must be data:image/...;base64,...");
    }
    // Not the MIME decoder: it skips all characters that are not base64, so it hides damage.
    byte[] text =
        url.substring(comma + 1).replaceAll("\\s", "").getBytes(StandardCharsets.US_ASCII);
    return Base64.getDecoder().decode(text);
  }

  /** A path as messages and results show it: data URLs are shortened. */
  public static String shown(String path) {
    if (!is(path)) {
      return path;
    }
    int comma = path.indexOf(',');
    int end = Math.min(comma < 0 ? path.length() : comma, SHOWN_CHARS);
    String head = path.substring(0, end);
    return head + ",... (" + path.length() + " characters)";
  }
}
