package io.glmimage.spark.manifest;

import io.glmimage.error.UsageException;
import io.glmimage.manifest.ManifestFormat;
import io.glmimage.manifest.ManifestOptions;
import java.io.IOException;
import java.util.List;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;

/** Detects the format of a manifest and chooses the reader of the format. */
final class ManifestFiles {
  /** A batch is recognised although its first lines are broken. */
  private static final int FIRST_LINES = 5;

  private ManifestFiles() {}

  /**
   * Reads a manifest that exists.
   *
   * @throws UsageException if it cannot be used as a whole
   */
  static Dataset<Row> read(ManifestSource source) throws IOException {
    checkKind(source);
    return reader(format(source), source.options().delimiter()).read(source);
  }

  /** Refuses what is not a manifest, with advice. */
  private static void checkKind(ManifestSource source) throws IOException {
    String path = source.path();
    String given = source.options().path();
    List<String> files = List.of(path);
    if (source.storage().isFolder(path)) {
      ForeignFiles.checkFolder(source.storage(), path, given);
      files = source.storage().filesIn(path);
    }
    ForeignFiles.checkImages(files, given);
    if (!files.isEmpty() && format(source) != ManifestFormat.PARQUET) {
      for (String file : files) {
        ForeignFiles.checkText(source.storage(), file, given);
      }
    }
  }

  private static FormatReader reader(ManifestFormat format, Character delimiter) {
    return switch (format) {
      case PARQUET -> new ParquetManifest();
      case JSONL -> new JsonLinesManifest();
      case CSV -> new CsvManifest(delimiter == null ? ',' : delimiter);
      case TSV -> new CsvManifest(delimiter == null ? '\t' : delimiter);
      case OPENAI_BATCH -> new BatchManifest();
    };
  }

  /** The format that is assumed, for messages: " as Parquet". */
  static String formatName(ManifestOptions options) {
    ManifestFormat format = options.format();
    return format == null || format == ManifestFormat.PARQUET
        ? " as Parquet"
        : " as " + format.option();
  }

  /** The format that the user chose, or that the files show. */
  static ManifestFormat format(ManifestSource source) throws IOException {
    if (source.options().format() != null) {
      return source.options().format();
    }
    String file = source.path();
    // A folder may be called rows.csv too: Spark writes such folders.
    if (source.storage().isFolder(file)) {
      List<String> files = source.storage().filesIn(file);
      file = files.isEmpty() ? file : files.get(0);
    }
    return ManifestFormat.detect(
        file,
        ManifestFormat.needsFirstLines(file)
            ? TextFiles.firstLines(source.storage(), file, FIRST_LINES)
            : List.of());
  }
}
