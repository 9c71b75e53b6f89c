package io.glmimage.job;

import io.glmimage.image.ColourRules;
import io.glmimage.image.SourceOptions;
import picocli.CommandLine.Option;

/** Options of the colours of source images. */
final class SourceFlags {
  @Option(
      names = "--colour",
      paramLabel = "convert|ignore",
      defaultValue = ColourRules.CONVERT,
      description =
          "convert: colours of source images with a colour profile (Display P3, Adobe RGB, grey,"
              + " CMYK) are converted to sRGB. With ignore, profiles are ignored, as in the reference."
              + " Default: ${DEFAULT-VALUE}.")
  private String colour;

  @Option(
      names = "--transparency",
      paramLabel = "drop|COLOUR",
      defaultValue = ColourRules.DROP,
      description =
          "drop: transparent pixels of source images show the colour that is stored in them, as"
              + " in the reference. With white, black, grey or #rrggbb, they show this background. Default:"
              + " ${DEFAULT-VALUE}.")
  private String transparency;

  /**
   * @param metadata the value of --keep-metadata
   */
  SourceOptions options(String metadata) {
    return SourceOptions.of(colour, transparency, metadata);
  }

  /** The rules alone, for a command that edits nothing. */
  ColourRules rules() {
    return ColourRules.of(colour, transparency);
  }
}
