package io.glmimage.image;

import java.io.Serializable;

/**
 * How source images are read.
 *
 * @param metadata what edited images keep
 */
public record SourceOptions(ColourRules colours, KeptMetadata metadata) implements Serializable {
  public static final SourceOptions DEFAULT =
      new SourceOptions(ColourRules.DEFAULT, KeptMetadata.NONE);

  /**
   * Reads the options as they are written on the command line.
   *
   * @throws io.glmimage.error.UsageException if a value is unknown
   */
  public static SourceOptions of(String colour, String transparency, String metadata) {
    return new SourceOptions(ColourRules.of(colour, transparency), KeptMetadata.of(metadata));
  }

  /** What these options add to the fingerprint of a row; empty for those of the reference. */
  public String fingerprint() {
    return colours.fingerprint()
        + (metadata == KeptMetadata.NONE ? "" : " metadata " + metadata.label());
  }
}
