package io.glmimage.spark.manifest;

import io.glmimage.error.UsageException;
import io.glmimage.manifest.ManifestFormat;
import io.glmimage.manifest.ManifestOptions;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Collections;
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
    String given = source.options().path();
    List<String> files = List.of(source.path());
    if (source.storage().isFolder(source.path())) {
      ForeignFiles.checkFolder(source.storage(), source.path(), given);
      ForeignFiles.checkLinks(source.storage(), source.path(), false, given);
      files = source.storage().filesIn(source.path());
    } else {
      ForeignFiles.checkFile(source.path(), given);
    }
    ForeignFiles.checkImages(files, given);
    return reader(format(source, files), source.options().delimiter()).read(source);
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

  /** The format that the user chose, for messages: " as csv". */
  static String formatName(ManifestOptions options) {
    ManifestFormat format = options.format();
    if (format == null || options.isTable()) {
      return "";
    }
    return " as " + (format == ManifestFormat.PARQUET ? "Parquet" : format.option());
  }

  /** The format that the user chose, or that the files show. */
  private static ManifestFormat format(ManifestSource source, List<String> files)
      throws IOException {
    if (source.options().format() != null) {
      return source.options().format();
    }
    // A folder may be called rows.csv too: Spark writes such folders.
    String file = files.isEmpty() ? source.path() : files.get(0);
    if (!ManifestFormat.needsFirstLines(file)) {
      return ManifestFormat.detect(file, Collections.emptyIterator());
    }
    try (BufferedReader in = TextFiles.open(source.storage(), file)) {
      return ManifestFormat.detect(file, TextFiles.firstLines(in, FIRST_LINES).iterator());
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }
}
