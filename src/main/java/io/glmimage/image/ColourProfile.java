package io.glmimage.image;

/**
 * The colour profile of an image: the ICC profile in the file. Without one, Adobe RGB if EXIF says
 * so, as cameras write it (DCF 2.0: the interoperability index R03).
 */
final class ColourProfile {
  private static final int EXIF = 0x8769;
  private static final int INTEROPERABILITY = 0xA005;
  private static final int INTEROPERABILITY_INDEX = 1;
  private static final int COLOR_SPACE = 0xA001;
  private static final int SRGB = 1;

  /** Not in the standard, but written by some cameras. */
  private static final int ADOBE_RGB = 2;

  private ColourProfile() {}

  /**
   * What the profile of an image is good for.
   *
   * @param name of the image, for the log
   */
  static IccConversion.Known of(MetadataBlocks blocks, Samples.Model model, String name) {
    if (blocks.profile().length > 0) {
      return IccConversion.of(blocks.profile(), model, name);
    }
    return model != Samples.Model.CMYK && isAdobeRgb(TiffTags.of(blocks.exif()))
        ? IccConversion.of(MatrixProfile.adobeRgb(), model, name)
        : IccConversion.Known.SRGB;
  }

  private static boolean isAdobeRgb(TiffTags root) {
    TiffTags exif = root.inside(EXIF);
    long space = exif.number(COLOR_SPACE, 0);
    return space == ADOBE_RGB
        || (space != SRGB
            && exif.inside(INTEROPERABILITY).text(INTEROPERABILITY_INDEX).equals("R03"));
  }
}
