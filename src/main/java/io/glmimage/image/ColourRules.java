package io.glmimage.image;

import io.glmimage.error.UsageException;
import java.io.Serializable;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * How the samples of a source image become 8-bit sRGB.
 *
 * @param convert whether colours with a profile are converted to sRGB; otherwise profiles are
 *     ignored, as the reference does
 * @param background colour behind transparent pixels as {@code 0xRRGGBB}; null to drop alpha, as
 *     the reference does
 */
public record ColourRules(boolean convert, Integer background) implements Serializable {
  public static final String CONVERT = "convert";
  public static final String IGNORE = "ignore";
  public static final String DROP = "drop";

  /** Profiles are converted; alpha is dropped. */
  public static final ColourRules DEFAULT = new ColourRules(true, null);

  /** As the reference decodes. */
  static final ColourRules REFERENCE = new ColourRules(false, null);

  private static final String RGB = "#[0-9a-f]{6}";

  private static final Map<String, Integer> NAMED =
      Map.of("white", 0xffffff, "black", 0, "grey", 0x808080, "gray", 0x808080);

  /**
   * Reads the rules as they are written on the command line.
   *
   * @param colour {@link #CONVERT} or {@link #IGNORE}
   * @param transparency {@link #DROP}, a name or {@code #rrggbb}
   * @throws UsageException if a value is unknown
   */
  public static ColourRules of(String colour, String transparency) {
    String known = colour.toLowerCase(Locale.ROOT);
    if (!List.of(CONVERT, IGNORE).contains(known)) {
      throw new UsageException(
          "Invalid --colour: " + colour + ", expected " + CONVERT + " or " + IGNORE);
    }
    return new ColourRules(known.equals(CONVERT), background(transparency));
  }

  /** Whether a text is a value of {@code --transparency}. */
  public static boolean isTransparency(String text) {
    String lower = text.toLowerCase(Locale.ROOT);
    return lower.equals(DROP) || lower.matches(RGB) || NAMED.containsKey(lower);
  }

  private static Integer background(String transparency) {
    String text = transparency.toLowerCase(Locale.ROOT);
    if (text.equals(DROP)) {
      return null;
    }
    if (text.matches(RGB)) {
      return Integer.valueOf(text.substring(1), 16);
    }
    Integer named = NAMED.get(text);
    if (named == null) {
      throw new UsageException(
          "Invalid --transparency: "
              + transparency
              + ", expected drop, white, black, grey or a colour such as #ff8000");
    }
    return named;
  }

  /** What these rules add to the fingerprint of a row; empty for those of the reference. */
  public String fingerprint() {
    return (convert ? " colour " + CONVERT : "")
        + (background == null ? "" : String.format(" transparency #%06x", background));
  }
}
