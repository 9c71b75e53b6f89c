package io.glmimage.job;

import io.glmimage.spark.results.EditedImageOptions;
import picocli.CommandLine.Option;

/** Options of the edited images' files. */
final class EditedImageFlags {
  @Option(
      names = "--output-format",
      paramLabel = "FORMAT",
      defaultValue = "png",
      description =
          "png, jpeg or webp: one file for each edited image. With webdataset (tar shards) or"
              + " parquet (a table with a binary column), these files are also packed at the end of the"
              + " run. Default:"
              + " ${DEFAULT-VALUE}.")
  private String output;

  @Option(
      names = "--image-format",
      paramLabel = "FORMAT",
      description =
          "png, jpeg or webp: encoding of the edited images with --output-format webdataset or"
              + " parquet. Default: png.")
  private String image;

  @Option(
      names = "--quality",
      paramLabel = "N",
      description = "Quality of JPEG and WebP images (lossy), 1 to 100. Default: ${DEFAULT-VALUE}.")
  private int quality = EditedImageOptions.DEFAULT_QUALITY;

  @Option(
      names = "--shard-size",
      paramLabel = "ROWS",
      description = "Manifest rows in one WebDataset shard. Default: ${DEFAULT-VALUE}.")
  private int shardRows = EditedImageOptions.DEFAULT_SHARD_ROWS;

  @Option(
      names = "--batch-response",
      paramLabel = "KIND",
      defaultValue = "url",
      description =
          "url (the path of the edited image) or b64_json: answers to the requests of an OpenAI batch"
              + " that have no response_format. Default: ${DEFAULT-VALUE}.")
  private String answers;

  EditedImageOptions options() {
    return EditedImageOptions.of(output, image, quality, shardRows, answers);
  }
}
