package io.glmimage.spark.results;

import io.glmimage.error.UsageException;
import io.glmimage.output.EditedImageFormat;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * How edited images are encoded and packed.
 *
 * @param packing what is made of the edited images at the end
 * @param format how each edited image is encoded
 * @param quality of lossy formats, 1 to 100
 * @param shardRows manifest rows in one WebDataset shard
 * @param inlineAnswers whether the answers to a batch hold edited images instead of their paths
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
   * Reads the options as they are written on the command line.
   *
   * @param output the label of a format or of a packing
   * @param image the label of the format inside a packing; may be null
   * @param answers url or b64_json
   * @throws UsageException if a value is unknown
   */
  public static EditedImageOptions of(
      String output, String image, int quality, int shardRows, String answers) {
    Optional<Packing> packing = Packing.named(output);
    EditedImageFormat format;
    if (packing.isPresent()) {
      format = image == null ? EditedImageFormat.PNG : format("--image-format", image);
    } else if (image == null || image.equalsIgnoreCase(output)) {
      format = format("--output-format", output);
    } else {
      throw new UsageException(
          "Invalid --image-format: "
              + image
              + ", expected only with --output-format "
              + oneOf(Packing.labels())
              + "; otherwise --output-format names the encoding");
    }
    return new EditedImageOptions(
        packing.orElse(Packing.FILES), format, quality, shardRows, isInline(answers));
  }

  private static EditedImageFormat format(String option, String name) {
    return EditedImageFormat.named(name)
        .orElseThrow(
            () -> {
              List<String> known = new ArrayList<>(EditedImageFormat.labels());
              if (option.equals("--output-format")) {
                known.addAll(Packing.labels());
              }
              return new UsageException(
                  "Invalid " + option + ": " + name + ", expected " + oneOf(known));
            });
  }

  private static boolean isInline(String answers) {
    return switch (answers) {
      case "url" -> false;
      case "b64_json" -> true;
      default ->
          throw new UsageException(
              "Invalid --batch-response: " + answers + ", expected url or b64_json");
    };
  }

  /** Such as {@code png, jpeg or webp}. */
  private static String oneOf(List<String> names) {
    int last = names.size() - 1;
    return String.join(", ", names.subList(0, last)) + " or " + names.get(last);
  }
}
