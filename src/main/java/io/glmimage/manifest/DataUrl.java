package io.glmimage.manifest;

import java.io.ByteArrayOutputStream;
import java.util.Base64;
import java.util.Locale;
import java.util.regex.Pattern;

/** Source images inside the manifest: {@code data:image/png;base64,...} (RFC 2397). */
public final class DataUrl {
  private static final String SCHEME = "data:";
  private static final int SHOWN_CHARS = 40;

  /** Base64 of the first bytes of PNG, JPEG, GIF, WebP and TIFF files. */
  private static final Pattern IMAGE_START =
      Pattern.compile("^(iVBORw0KGgo|/9j/|R0lGOD|UklGR|SUkqA|TU0AK)");

  private static final Pattern WITHOUT_SCHEME =
      Pattern.compile("^\\s*image/[A-Za-z0-9.+-]+;base64,", Pattern.CASE_INSENSITIVE);

  /** A path of base64 characters alone is not this long. */
  private static final int LONGEST_UNKNOWN = 1024;

  /** Shorter texts are paths, such as {@code /9j/x}. */
  private static final int SHORTEST_BASE64 = 64;

  private DataUrl() {}

  /** Whether this is a data URL; white space before it does not count. */
  public static boolean is(String path) {
    return path.regionMatches(true, start(path), SCHEME, 0, SCHEME.length());
  }

  private static int start(String path) {
    int start = 0;
    while (start < path.length() && Character.isWhitespace(path.charAt(start))) {
      start++;
    }
    return start;
  }

  /** Whether this is a data URL whose scheme is missing: {@code image/png;base64,...}. */
  static boolean lacksScheme(String path) {
    return WITHOUT_SCHEME.matcher(path).find();
  }

  /** Whether this is the base64 of an image without the head of a data URL. */
  static boolean isBase64(String path) {
    if (path.length() < SHORTEST_BASE64
        || !(path.length() > LONGEST_UNKNOWN || IMAGE_START.matcher(path).find())) {
      return false;
    }
    for (int i = 0; i < path.length(); i++) {
      char c = path.charAt(i);
      boolean letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
      boolean digit = c >= '0' && c <= '9';
      if (!letter && !digit && "+/=-_\r\n\t ".indexOf(c) < 0) {
        return false;
      }
    }
    return true;
  }

  /** The data URL of a file of any kind; null for null. */
  public static String ofFile(byte[] file) {
    return file == null ? null : "data:image;base64," + Base64.getEncoder().encodeToString(file);
  }

  /** The data URL of bare base64; any other value unchanged. */
  static String ofBase64(String path) {
    return isBase64(path) ? "data:image;base64," + path : path;
  }

  /**
   * The decoded file. Base64 may have white space, percent escapes and the alphabet for URLs.
   *
   * @throws IllegalArgumentException if there are no data, or they cannot be decoded
   */
  public static byte[] bytes(String url) {
    int comma = url.indexOf(',');
    if (comma < 0) {
      throw new IllegalArgumentException(
          "it has no comma; a data URL must be data:image/...;base64,...");
    }
    String head = url.substring(0, comma).strip().toLowerCase(Locale.ROOT);
    if (!head.replaceAll("\\s", "").endsWith(";base64")) {
      throw new IllegalArgumentException(
          "it does not say base64; a data URL must be data:image/...;base64,...");
    }
    return decoded(url, comma + 1);
  }

  /**
   * The decoded file of base64 without the head of a data URL.
   *
   * @throws IllegalArgumentException if there are no data, or they cannot be decoded
   */
  public static byte[] base64(String text) {
    return decoded(text, 0);
  }

  private static byte[] decoded(String url, int from) {
    byte[] text = unescaped(url, from);
    if (text.length == 0) {
      throw new IllegalArgumentException("it holds no data");
    }
    // Not the MIME decoder: it skips all characters that are not base64, so it hides damage.
    return Base64.getDecoder().decode(text);
  }

  /** The base64 without white space and percent escapes, in the standard alphabet. */
  private static byte[] unescaped(String url, int from) {
    ByteArrayOutputStream text = new ByteArrayOutputStream(url.length() - from);
    for (int i = from; i < url.length(); i++) {
      char c = url.charAt(i);
      if (c == '%' && i + 2 < url.length()) {
        int high = Character.digit(url.charAt(i + 1), 16);
        int low = Character.digit(url.charAt(i + 2), 16);
        if (high >= 0 && low >= 0) {
          c = (char) (16 * high + low);
          i += 2;
        }
      }
      if (Character.isWhitespace(c)) {
        continue;
      }
      text.write(c == '-' ? '+' : c == '_' ? '/' : c < 0x80 ? c : '?');
    }
    return text.toByteArray();
  }

  /** A path as messages and results show it: data URLs, base64 and long paths are shortened. */
  public static String shown(String path) {
    if (is(path)) {
      int comma = path.indexOf(',');
      int end = Math.min(comma < 0 ? path.length() : comma, SHOWN_CHARS);
      return path.substring(0, end) + ",... (" + path.length() + " characters)";
    }
    return isBase64(path) || lacksScheme(path)
        ? Texts.shown(path, SHOWN_CHARS)
        : Texts.shown(path, 2 * LONGEST_UNKNOWN);
  }
}
