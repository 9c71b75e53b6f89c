package io.glmimage.image;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;

/** The file formats that can be read, recognised by their first bytes. */
enum ImageFormat {
  PNG("PNG"),
  JPEG("JPEG"),
  WEBP("WebP"),
  BMP("BMP"),
  TIFF("TIFF"),
  GIF("GIF");

  private final String label;

  ImageFormat(String label) {
    this.label = label;
  }

  static Optional<ImageFormat> of(byte[] bytes) {
    String start = new String(bytes, 0, Math.min(bytes.length, 12), StandardCharsets.ISO_8859_1);
    return Arrays.stream(values()).filter(f -> f.starts(start)).findFirst();
  }

  private boolean starts(String start) {
    return switch (this) {
      case PNG -> start.startsWith("\u0089PNG\r\n\u001a\n");
      case JPEG -> start.startsWith("\u00ff\u00d8\u00ff");
      case WEBP -> start.startsWith("RIFF") && start.startsWith("WEBP", 8);
      case BMP -> start.startsWith("BM");
      case TIFF ->
          start.startsWith("II*\0")
              || start.startsWith("MM\0*")
              || start.startsWith("II+\0")
              || start.startsWith("MM\0+");
      case GIF -> start.startsWith("GIF87a") || start.startsWith("GIF89a");
    };
  }

  @Override
  public String toString() {
    return label;
  }
}
