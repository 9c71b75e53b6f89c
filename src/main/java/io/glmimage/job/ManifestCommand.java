package io.glmimage.job;

import io.glmimage.error.UsageException;
import io.glmimage.error.Wording;
import io.glmimage.io.Storage;
import io.glmimage.manifest.ManifestField;
import io.glmimage.output.ResultColumn;
import io.glmimage.spark.manifest.create.ImageFolder;
import io.glmimage.spark.manifest.create.PromptList;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Creates a manifest from a folder of images. */
@Command(
    name = "manifest",
    description = {
      "Writes a Parquet manifest for a folder of images: one row per image, prompt and seed.",
      "",
      "For augmentation: --prompt-template \"make the {object} {color}\" --values object=car,tree"
          + " --values color=red,blue --seeds 3 gives twelve rows per image, with the columns object and"
          + " color.",
      ""
    })
final class ManifestCommand implements Callable<Integer> {
  private static final long LONGEST_PROMPTS = 64L << 20;
  private static final int MOST_SEEDS = 10_000;

  @Option(
      names = "--images",
      required = true,
      paramLabel = "DIR",
      description =
          "Folder of images (png, jpg, jpeg, jpe, jfif, webp, bmp, tif, tiff, gif, in any case), on"
              + " any Hadoop file system. Hidden files and other formats are left out.")
  private String images;

  @Option(
      names = "--recursive",
      description =
          "Include images in subfolders. Default: off; only images directly in the folder.")
  private boolean recursive;

  @Option(
      names = "--output",
      required = true,
      paramLabel = "PATH",
      description = "Manifest to write, a folder of Parquet files. It must not exist.")
  private String output;

  @Option(
      names = "--prompt",
      paramLabel = "TEXT",
      description = "Prompt for every image. Repeat the option for several prompts. Default: none.")
  private List<String> prompts = List.of();

  @Option(
      names = "--prompts-file",
      paramLabel = "FILE",
      description = "Text file (UTF-8) with one prompt per line. Default: none.")
  private String promptsFile;

  @Option(
      names = "--prompt-template",
      paramLabel = "TEXT",
      description =
          "Prompt with placeholders such as {color}, filled with every combination of --values. Default:"
              + " none.")
  private String template;

  @Option(
      names = "--values",
      paramLabel = "NAME=VALUE,...",
      description =
          "Values of one placeholder of the template. Repeat the option for each placeholder. Default:"
              + " none.")
  private List<String> values = List.of();

  @Option(
      names = "--seeds",
      paramLabel = "N",
      description =
          "Rows per image and prompt, with the seeds 0 to N-1. Default: one row, whose seed the job"
              + " derives.")
  private Integer seeds;

  @Mixin private SessionFlags session = new SessionFlags();

  private final Console console;

  ManifestCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() throws Exception {
    int kinds = (prompts.isEmpty() ? 0 : 1) + (promptsFile == null ? 0 : 1);
    kinds += template == null ? 0 : 1;
    if (kinds != 1) {
      throw new UsageException(
          "Cannot create a manifest: give one of --prompt, --prompts-file and --prompt-template");
    }
    if (template == null && !values.isEmpty()) {
      throw new UsageException("Invalid --values: expected only with --prompt-template");
    }
    if (seeds != null && (seeds < 1 || seeds > MOST_SEEDS)) {
      throw new UsageException("Invalid --seeds: " + seeds + ", expected 1 to " + MOST_SEEDS);
    }
    PromptList list = template == null ? null : PromptList.ofTemplate(template, values);
    if (list != null) {
      checkNames(list.names());
    }
    try (Session spark = session.open(console, "manifest")) {
      spark.describe("Write a manifest");
      Storage storage = spark.storage();
      if (list == null) {
        list = PromptList.of(promptsFile == null ? prompts : lines(storage));
      }
      ImageFolder.Written written =
          new ImageFolder(spark.spark(), storage).write(images, recursive, list, seeds, output);
      console
          .out()
          .println(
              "Wrote " + Wording.count(written.rows(), "row") + " to " + storage.qualified(output));
      if (!written.leftOut().isEmpty()) {
        console.out().println("Left out: " + written.leftOut());
      }
      return ExitCode.DONE;
    }
  }

  /** The names become columns of the manifest and of the result table. */
  private static void checkNames(List<String> names) {
    List<String> taken = new ArrayList<>(ResultColumn.names());
    for (ManifestField field : ManifestField.values()) {
      taken.add(field.column());
    }
    for (String name : names) {
      if (taken.stream().anyMatch(name::equalsIgnoreCase)) {
        throw new UsageException(
            "Invalid --values: " + name + " is the name of another column; choose another");
      }
    }
  }

  private List<String> lines(Storage storage) throws IOException {
    try {
      byte[] text = storage.read(promptsFile, LONGEST_PROMPTS);
      return PromptList.lines(promptsFile, text);
    } catch (IOException e) {
      throw new UsageException("Cannot read --prompts-file: " + e.getMessage(), e);
    }
  }
}
