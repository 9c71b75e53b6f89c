package io.glmimage.spark.manifest;

import static org.apache.spark.sql.functions.length;
import static org.apache.spark.sql.functions.ltrim;
import static org.apache.spark.sql.functions.not;

import io.glmimage.manifest.Texts;
import org.apache.spark.sql.Column;

/**
 * {@link Texts#isBlank} and a check of bytes as expressions of Spark SQL. The first uses neither a
 * function of this program nor a regular expression with classes of Unicode, so that Spark RAPIDS
 * can run it on a GPU.
 */
final class VisibleText {
  /** All characters that {@link Texts#isBlank} ignores. */
  static final String INVISIBLE = invisible();

  private static final String REPLACEMENT = "\uFFFD";

  private VisibleText() {}

  /** Whether a text has a visible character; null for null. */
  static Column isIn(Column text) {
    return length(ltrim(text, INVISIBLE)).gt(0);
  }

  /**
   * Whether a text has bytes that are not UTF-8, which Parquet and tables may hold. Spark keeps the
   * bytes, but Java would read them as U+FFFD, so different texts would become equal. A regular
   * expression sees the text as Java does, {@code contains} compares bytes. Spark RAPIDS would
   * compare bytes for a plain expression, too; it leaves one that looks ahead to Spark.
   */
  static Column isNotUtf8(Column text) {
    return text.rlike("(?=" + REPLACEMENT + ")").and(not(text.contains(REPLACEMENT)));
  }

  private static String invisible() {
    StringBuilder found = new StringBuilder();
    for (int character = 0; character <= Character.MAX_CODE_POINT; character++) {
      boolean surrogate =
          character >= Character.MIN_SURROGATE && character <= Character.MAX_SURROGATE;
      if (!surrogate && Texts.isBlank(Character.toString(character))) {
        found.appendCodePoint(character);
      }
    }
    return found.toString();
  }
}
