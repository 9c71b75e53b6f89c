package io.glmimage.job;

import io.glmimage.output.EditedImageOptions;
import picocli.CommandLine.Option;

/** Options of the pictures' files. */
final class EditedImageFlags {
  @Option(
      names = "--output-format",
      paramLabel = "FORMAT",
      defaultValue = "png",
      description =
          "png, jpeg or webp: one file for each picture. webdataset (tar shards) or parquet (a table with"
              + " a binary column): those files, and the pack made of them at the end. Default:"
              + " ${DEFAULT-VALUE}.")
  private String output;

  @Option(
      names = "--image-format",
      paramLabel = "FORMAT",
      description =
          "png, jpeg or webp: how pictures are encoded with --output-format webdataset and parquet."
              + " Default: png.")
  private String image;

  @Option(
      names = "--quality",
      paramLabel = "N",
      description =
          "Quality of JPEG and WebP pictures, 1 to 100. Default: "
              + EditedImageOptions.DEFAULT_QUALITY
              + ".")
  private int quality = EditedImageOptions.DEFAULT_QUALITY;

  @Option(
      names = "--shard-size",
      paramLabel = "ROWS",
      description =
          "Manifest rows of one WebDataset shard. Default: "
              + EditedImageOptions.DEFAULT_SHARD_ROWS
              + ".")
  private int shardRows = EditedImageOptions.DEFAULT_SHARD_ROWS;

  @Option(
      names = "--batch-response",
      paramLabel = "KIND",
      defaultValue = "url",
      description =
          "url or b64_json: what the answers to an OpenAI batch hold for requests without"
              + " response_format. Default: ${DEFAULT-VALUE}, the picture's path.")
  private String answers;

  EditedImageOptions options() {
    return EditedImageOptions.of(output, image, quality, shardRows, answers);
  }
}
