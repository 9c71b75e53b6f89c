package io.glmimage.job;

import io.glmimage.error.UsageException;
import io.glmimage.manifest.ManifestFormat;
import io.glmimage.manifest.ManifestOptions;
import io.glmimage.manifest.ResultRows;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Option;

/** Options of the manifest: its place, format and columns. */
final class ManifestFlags {
  @Option(
      names = "--manifest",
      required = true,
      paramLabel = "PATH",
      description =
          "Manifest file, or folder of files, on any Hadoop file system (s3a://, hdfs://, file:, a"
              + " plain path). Relative image paths start at the folder that holds it.")
  private String manifest;

  @Option(
      names = "--manifest-format",
      paramLabel = "FORMAT",
      defaultValue = ManifestFormat.AUTO,
      description =
          "parquet, jsonl, csv, tsv, openai-batch, or auto: chosen by the file's extension and, for"
              + " JSON Lines, its first line. Default: ${DEFAULT-VALUE}.")
  private String format;

  @Option(
      names = "--delimiter",
      paramLabel = "CHARACTER",
      description =
          "Character between the values of a CSV manifest, such as ';', or tab. Default: a comma, and"
              + " a tab for TSV.")
  private String delimiter;

  @Option(
      names = "--columns",
      paramLabel = "FIELD=NAME",
      split = ",",
      description =
          "Names of manifest columns that differ from the fields' names, such as"
              + " prompt=caption,image_paths=file. Default: none.")
  private Map<String, String> columns = new LinkedHashMap<>();

  @Option(
      names = "--drop-columns",
      paramLabel = "NAME",
      split = ",",
      description =
          "Manifest columns to leave out of the result table. Default: none; all other columns are"
              + " passed through.")
  private List<String> dropped = List.of();

  @Option(
      names = "--result-rows",
      paramLabel = "edited|flagged|all",
      defaultValue = "edited",
      description =
          "Rows to edit if the manifest is an output folder or result table of this program."
              + " edited: the edited images; flagged: flagged rows again, from their first source images"
              + " (give another --seed); all: all rows, from their first source images."
              + " Default: ${DEFAULT-VALUE}.")
  private ResultRows resultRows;

  private Character separator() {
    if (delimiter == null) {
      return null;
    }
    String text = delimiter.equals("tab") || delimiter.equals("\\t") ? "\t" : delimiter;
    if (text.length() != 1) {
      throw new UsageException(
          "Invalid --delimiter: " + delimiter + ", expected one character, or tab");
    }
    return text.charAt(0);
  }

  ManifestOptions options() {
    return new ManifestOptions(
        manifest, columns, dropped, ManifestFormat.named(format), separator(), resultRows);
  }
}
