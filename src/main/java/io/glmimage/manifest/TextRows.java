package io.glmimage.manifest;

import java.io.IOException;
import java.io.Reader;
import java.io.Serializable;
import java.util.Iterator;
import java.util.List;

/**
 * The rows of one text file, in order. Only one row is held in memory at a time. Each format has
 * its own implementation.
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
    return new JsonLines(in, file, options, new JsonTexts());
  }

  /** Like {@link #jsonLines(Reader, String, ManifestOptions)}, with some values as texts. */
  static Opener jsonLines(JsonTexts texts) {
    return (in, file, options) -> new JsonLines(in, file, options, texts);
  }

  /** Values with a header, separated by a comma (CSV) or a tab (TSV). */
  static Opener separatedBy(char separator) {
    return (in, file, options) -> new CsvRows(in, file, options, separator);
  }

  /** The requests of an OpenAI batch. */
  static TextRows batch(Reader in, String file, ManifestOptions options) {
    return new BatchLines(in, file);
  }

  /**
   * The names of the columns of a CSV or TSV file.
   *
   * @throws io.glmimage.error.UsageException if the header is missing or its names are not distinct
   */
  static List<String> header(Reader in, String file, char separator) throws IOException {
    return CsvRows.header(in, file, separator);
  }

  /** Names a line in messages. */
  static String place(String file, long line) {
    int slash = file.lastIndexOf('/');
    return "line " + line + " of " + file.substring(slash + 1);
  }
}
