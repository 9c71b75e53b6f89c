package io.glmimage.output;

/** How a picture is encoded. */
public enum PictureFormat {
  /** Lossless, 8-bit RGB. */
  PNG(".png", "image/png"),
  /** Baseline JPEG. */
  JPEG(".jpg", "image/jpeg");

  private final String extension;
  private final String mediaType;

  PictureFormat(String extension, String mediaType) {
    this.extension = extension;
    this.mediaType = mediaType;
  }

  /** Of file names, with its dot. */
  public String extension() {
    return extension;
  }

  public String mediaType() {
    return mediaType;
  }
}
