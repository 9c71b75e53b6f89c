package io.glmimage.output;

import io.glmimage.digest.Sha256;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * File names made from row ids. A plain id (letters, digits, {@code . _ -}, at most 100 characters)
 * is used as it is. For any other id, the name has the letters and digits of the id, {@code ~} and
 * a digest. Plain ids have no {@code ~}, so no two ids share a name, also where a file system does
 * not tell all characters apart. Letters are those of all scripts, or of ASCII alone where file
 * names can have no others.
 */
public final class ImageNames {
  private static final Pattern PLAIN = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,99}");
  private static final Pattern UNSAFE = Pattern.compile("[^\\p{L}\\p{M}\\p{N}-]+");
  private static final Pattern UNSAFE_OR_FOREIGN = Pattern.compile("[^A-Za-z0-9-]+");
  private static final int READABLE_CHARS = 40;

  /** 96 bits. */
  private static final int DIGEST_HEX_DIGITS = 24;

  /** Windows does not allow files with these names, with any extension. */
  private static final Set<String> DEVICES =
      Set.of(
          "con", "prn", "aux", "nul", "com1", "com2", "com3", "com4", "com5", "com6", "com7",
          "com8", "com9", "lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9");

  private ImageNames() {}

  /** The name of a PNG file for a row, {@code <id>.png} for plain ids. */
  public static String fileName(String id) {
    return fileName(id, ".png", false);
  }

  /**
   * @param extension with its dot
   * @param ascii whether only ASCII characters are used
   */
  static String fileName(String id, String extension, boolean ascii) {
    return (isPlain(id) ? id : readable(id, ascii ? UNSAFE_OR_FOREIGN : UNSAFE) + "~" + digest(id))
        + extension;
  }

  /** The name of one of 256 folders, over which ids spread evenly. */
  static String folder(String id) {
    return digest(id).substring(0, 2);
  }

  private static boolean isPlain(String id) {
    int dot = id.indexOf('.');
    String stem = (dot < 0 ? id : id.substring(0, dot)).toLowerCase(Locale.ROOT);
    return PLAIN.matcher(id).matches() && !DEVICES.contains(stem);
  }

  private static String readable(String id, Pattern unsafe) {
    String head = id.substring(0, Math.min(id.length(), READABLE_CHARS));
    String safe = unsafe.matcher(head).replaceAll("_");
    // Spark and Hadoop hide files whose names start with an underscore.
    String name = safe.replaceAll("^[_-]+", "");
    return name.isEmpty() ? "row" : name;
  }

  private static String digest(String id) {
    return Sha256.hex(id).substring(0, DIGEST_HEX_DIGITS);
  }
}
