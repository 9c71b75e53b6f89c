package io.glmimage.output;

import io.glmimage.error.UsageException;
import java.io.Serializable;
import java.util.Locale;

/**
 * How pictures are encoded and packed.
 *
 * @param packing what is made of the pictures at the end
 * @param format how each is encoded
 * @param quality of lossy formats, 1 to 100
 * @param shardRows manifest rows of one shard
 * @param inlineAnswers whether a batch's answers hold pictures instead of their addresses
 */
public record EditedImageOptions(
    Packing packing, EditedImageFormat format, int quality, int shardRows, boolean inlineAnswers)
    implements Serializable {
  public static final int DEFAULT_QUALITY = 92;
  public static final int DEFAULT_SHARD_ROWS = 1000;

  public EditedImageOptions {
    if (quality < 1 || quality > 100) {
      throw new UsageException("Invalid --quality: " + quality + ", expected 1 to 100");
    }
    if (shardRows < 1) {
      throw new UsageException("Invalid --shard-size: " + shardRows + ", expected at least 1 row");
    }
  }

  /**
   * From the options as they are written.
   *
   * @param output png, jpeg, webp, webdataset or parquet
   * @param answers url or b64_json
   * @param image png, jpeg or webp, the encoding inside webdataset and parquet; may be null
   * @throws UsageException for what is unknown or cannot be written
   */
  public static EditedImageOptions of(
      String output, String image, int quality, int shardRows, String answers) {
    String name = output.toLowerCase(Locale.ROOT);
    Packing packing =
        switch (name) {
          case "webdataset" -> Packing.WEBDATASET;
          case "parquet" -> Packing.PARQUET;
          default -> Packing.FILES;
        };
    if (packing == Packing.FILES && image != null && !image.equalsIgnoreCase(name)) {
      throw new UsageException(
          "Invalid --image-format: it is for --output-format webdataset and parquet; with files,"
              + " --output-format says how pictures are encoded");
    }
    String encoding = packing == Packing.FILES ? name : image == null ? "png" : image;
    return new EditedImageOptions(
        packing,
        format(packing == Packing.FILES ? "--output-format" : "--image-format", encoding),
        quality,
        shardRows,
        switch (answers) {
          case "url" -> false;
          case "b64_json" -> true;
          default ->
              throw new UsageException(
                  "Invalid --batch-response: " + answers + ", expected url or b64_json");
        });
  }

  private static EditedImageFormat format(String option, String name) {
    return switch (name.toLowerCase(Locale.ROOT)) {
      case "png" -> EditedImageFormat.PNG;
      case "jpeg", "jpg" -> EditedImageFormat.JPEG;
      case "webp" -> EditedImageFormat.WEBP;
      default ->
          throw new UsageException(
              "Invalid "
                  + option
                  + ": "
                  + name
                  + (option.equals("--output-format")
                      ? ", expected png, jpeg, webp, webdataset or parquet"
                      : ", expected png, jpeg or webp"));
    };
  }
}
