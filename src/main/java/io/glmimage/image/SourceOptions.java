package io.glmimage.image;

import io.glmimage.error.UsageException;
import java.io.Serializable;
import java.util.List;

/**
 * How source images are read.
 *
 * @param metadata what edited images keep
 * @param folders from which source images and masks may be read; empty for all
 */
public record SourceOptions(ColourRules colours, KeptMetadata metadata, List<String> folders)
    implements Serializable {
  public static final SourceOptions DEFAULT =
      new SourceOptions(ColourRules.DEFAULT, KeptMetadata.NONE, List.of());

  /**
   * Reads the options as they are written on the command line.
   *
   * @throws io.glmimage.error.UsageException if a value is unknown
   */
  public static SourceOptions of(String colour, String transparency, String metadata) {
    return new SourceOptions(
        ColourRules.of(colour, transparency), KeptMetadata.of(metadata), List.of());
  }

  /**
   * These options with limited folders.
   *
   * @throws UsageException if one of them is blank
   */
  public SourceOptions allowing(List<String> only) {
    for (String folder : only) {
      if (folder.isBlank()) {
        throw new UsageException("Invalid --allow-input: it is empty, expected a folder");
      }
    }
    return new SourceOptions(colours, metadata, List.copyOf(only));
  }

  /** What these options add to the fingerprint of a row; empty for those of the reference. */
  public String fingerprint() {
    return colours.fingerprint()
        + (metadata == KeptMetadata.NONE ? "" : " metadata " + metadata.label());
  }
}
