package io.glmimage.manifest;

import java.io.IOException;
import java.io.Reader;
import java.io.Serializable;
import java.util.Iterator;
import java.util.List;

/**
 * The rows of one text file, in order. Only one row is held in memory at a time. Each format has an
 * implementation of its own.
 */
public interface TextRows extends Iterator<TextRow> {
  /** Opens files of one text format. */
  @FunctionalInterface
  interface Opener extends Serializable {
    /**
     * Opens a file.
     *
     * @param file name of the file, for messages
     * @throws IOException if it cannot be read
     */
    TextRows open(Reader in, String file, ManifestOptions options) throws IOException;
  }

  /** One JSON object a line. The line itself is in the column {@link JsonLines#LINE}. */
  static TextRows jsonLines(Reader in, String file, ManifestOptions options) {
    return new JsonLines(in, file, options);
  }

  /** Comma-separated values with a header. */
  static TextRows csv(Reader in, String file, ManifestOptions options) throws IOException {
    return new CsvRows(in, file, options);
  }

  /** The requests of an OpenAI batch. */
  static TextRows batch(Reader in, String file, ManifestOptions options) {
    return new BatchLines(in, file);
  }

  /**
   * The names of the columns of a CSV file.
   *
   * @throws io.glmimage.error.UsageException if the header is missing or its names are not distinct
   */
  static List<String> csvHeader(Reader in, String file) throws IOException {
    return CsvRows.header(in, file);
  }

  /** Names a line in messages. */
  static String place(String file, long line) {
    int slash = file.lastIndexOf('/');
    return "line " + line + " of " + file.substring(slash + 1);
  }
}
