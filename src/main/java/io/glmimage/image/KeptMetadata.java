package io.glmimage.image;

import io.glmimage.error.UsageException;
import java.util.Arrays;
import java.util.List;

/** What an edited image keeps of the metadata of its first source image. */
public enum KeptMetadata {
  NONE("none"),
  /** EXIF without the place where the photo was taken. */
  EXIF("exif"),
  /** EXIF with GPS. */
  EXIF_GPS("exif+gps");

  private final String label;

  KeptMetadata(String label) {
    this.label = label;
  }

  /** The value on the command line. */
  public String label() {
    return label;
  }

  /** The values on the command line. */
  public static List<String> labels() {
    return Arrays.stream(values()).map(KeptMetadata::label).toList();
  }

  /**
   * Reads a value of the command line.
   *
   * @throws UsageException if there is no such value
   */
  static KeptMetadata of(String label) {
    return Arrays.stream(values())
        .filter(kept -> kept.label.equalsIgnoreCase(label))
        .findFirst()
        .orElseThrow(
            () ->
                new UsageException(
                    "Invalid --keep-metadata: "
                        + label
                        + ", expected one of "
                        + String.join(", ", labels())));
  }
}
