package io.glmimage.manifest;

import java.io.IOException;
import java.io.Reader;
import java.util.Iterator;
import java.util.List;

/** Reads the rows of one text file, in order, holding one at a time. */
public interface TextRows extends Iterator<TextRow> {
  /** Names a place in messages. */
  static String place(String file, long line) {
    int slash = file.lastIndexOf('/');
    return "line " + line + " of " + file.substring(slash + 1);
  }

  /**
   * The names of a CSV file's columns.
   *
   * @throws io.glmimage.error.UsageException if they cannot be told apart
   */
  static List<String> csvHeader(Reader in, String file) throws IOException {
    return CsvRows.header(in, file);
  }

  /**
   * Opens a file.
   *
   * @param file its name, for messages
   * @throws IOException if it cannot be read
   */
  static TextRows open(ManifestFormat format, Reader in, String file, ManifestOptions options)
      throws IOException {
    return switch (format) {
      case JSONL -> new JsonLines(in, file, options);
      case CSV -> new CsvRows(in, file, options);
      case OPENAI_BATCH -> new BatchLines(in, file);
      case PARQUET -> throw new IllegalArgumentException("Parquet is no text");
    };
  }
}
