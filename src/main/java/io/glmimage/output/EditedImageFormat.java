package io.glmimage.output;

import io.glmimage.io.MediaTypes;
import java.util.Arrays;
import java.util.Objects;

/** How a picture is encoded. */
public enum EditedImageFormat {
  /** Lossless, 8-bit RGB. */
  PNG(".png"),
  /** Baseline JPEG. */
  JPEG(".jpg"),
  /** Lossy WebP. */
  WEBP(".webp");

  private final String extension;
  private final String mediaType;

  EditedImageFormat(String extension) {
    this.extension = extension;
    this.mediaType = Objects.requireNonNull(MediaTypes.ofFile(extension));
  }

  /** Of file names, with its dot. */
  public String extension() {
    return extension;
  }

  /** As HTTP names it. */
  public String mediaType() {
    return mediaType;
  }

  /** As APIs name it, such as {@code jpeg}. */
  public String label() {
    return mediaType.substring("image/".length());
  }

  /**
   * By a picture's file name.
   *
   * @throws IllegalArgumentException if no picture is named so
   */
  public static EditedImageFormat ofFile(String path) {
    return Arrays.stream(values())
        .filter(format -> path.endsWith(format.extension))
        .findFirst()
        .orElseThrow(
            () -> new IllegalArgumentException("Cannot tell the format of picture " + path));
  }
}
