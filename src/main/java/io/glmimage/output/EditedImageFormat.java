package io.glmimage.output;

import io.glmimage.image.ImageEncoder;
import io.glmimage.image.JpegEncoder;
import io.glmimage.image.RgbImage;
import io.glmimage.image.WebpEncoder;
import io.glmimage.io.MediaTypes;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/** How edited images are encoded. {@link MediaTypes} knows the media type of each extension. */
public enum EditedImageFormat {
  /** Lossless, 8-bit RGB. */
  PNG(".png", false, (image, quality, texts, exif) -> ImageEncoder.png(image, texts, exif)),
  /** Baseline JPEG. */
  JPEG(".jpg", true, JpegEncoder::jpeg),
  /** Lossy WebP. */
  WEBP(".webp", true, WebpEncoder::webp);

  private final String extension;
  private final String mediaType;
  private final boolean lossy;

  @SuppressWarnings("ImmutableEnumChecker") // Encoders have no state.
  private final Encoder encoder;

  /** Encodes an image as a file. */
  @FunctionalInterface
  private interface Encoder {
    /**
     * @param quality 1 to 100; lossless formats ignore it
     * @param texts text fields to store in the file, by name
     * @param exif block to store in the file; empty for none
     */
    byte[] encode(RgbImage image, int quality, Map<String, String> texts, byte[] exif);
  }

  EditedImageFormat(String extension, boolean lossy, Encoder encoder) {
    this.extension = extension;
    this.mediaType = Objects.requireNonNull(MediaTypes.ofFile(extension));
    this.lossy = lossy;
    this.encoder = encoder;
  }

  /** The extension of file names, with its dot. */
  public String extension() {
    return extension;
  }

  /** The name in options and API answers, such as {@code jpeg}. */
  public String label() {
    return mediaType.substring("image/".length());
  }

  /** Whether the quality decides the file. */
  boolean isLossy() {
    return lossy;
  }

  byte[] encode(RgbImage image, int quality, Map<String, String> texts, byte[] exif) {
    return encoder.encode(image, quality, texts, exif);
  }

  /** The labels of all formats, in order. */
  public static List<String> labels() {
    return Arrays.stream(values()).map(EditedImageFormat::label).toList();
  }

  /** The format with this label or extension, such as {@code jpeg} or {@code jpg}. */
  public static Optional<EditedImageFormat> named(String name) {
    String lower = name.toLowerCase(Locale.ROOT);
    return Arrays.stream(values())
        .filter(f -> f.label().equals(lower) || f.extension.equals("." + lower))
        .findFirst();
  }

  /**
   * The format of an edited image's file, from its name.
   *
   * @throws IllegalArgumentException if no format has the extension of the file
   */
  public static EditedImageFormat ofFile(String path) {
    return Arrays.stream(values())
        .filter(format -> path.endsWith(format.extension))
        .findFirst()
        .orElseThrow(
            () -> new IllegalArgumentException("Cannot tell the format of edited image " + path));
  }
}
