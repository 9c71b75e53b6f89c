package io.glmimage.job;

import io.glmimage.error.UsageException;
import io.glmimage.manifest.ManifestFormat;
import io.glmimage.manifest.ManifestOptions;
import io.glmimage.manifest.ResultRows;
import io.glmimage.spark.manifest.CatalogTable;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Option;

/** Options of the manifest: its place, format and columns. */
final class ManifestFlags {
  @Option(
      names = "--manifest",
      paramLabel = "PATH",
      description =
          "Manifest file, or folder of files, on any Hadoop file system (s3a://, hdfs://, file:, a"
              + " plain path). Relative image paths start at the folder that holds it. Default: none;"
              + " this option or --manifest-table is required.")
  private String manifest;

  @Option(
      names = "--manifest-table",
      paramLabel = "NAME",
      description =
          "Manifest that is a table of a Spark catalog, such as db.rows or catalog.db.rows (Iceberg,"
              + " Delta, Hive). Default: none.")
  private String table;

  @Option(
      names = "--image-folder",
      paramLabel = "DIR",
      description =
          "Folder where relative image paths start. Default: the folder that holds the manifest; with"
              + " --manifest-table, relative paths fail.")
  private String imageFolder;

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
    if ((manifest == null) == (table == null)) {
      throw new UsageException(
          manifest == null
              ? "Cannot start without a manifest: give --manifest PATH or --manifest-table NAME"
              : "Cannot read two manifests: give --manifest or --manifest-table, not both");
    }
    ManifestFormat named = ManifestFormat.named(format);
    if (table != null && (named != null || delimiter != null)) {
      throw new UsageException(
          "Invalid --manifest-format or --delimiter: a table of a catalog has no file format; leave"
              + " them out with --manifest-table");
    }
    return new ManifestOptions(
        table == null ? manifest : CatalogTable.of("--manifest-table", table).name(),
        columns,
        dropped,
        named,
        separator(),
        resultRows,
        table == null ? ManifestOptions.Place.FILES : ManifestOptions.Place.TABLE,
        imageFolder);
  }
}
