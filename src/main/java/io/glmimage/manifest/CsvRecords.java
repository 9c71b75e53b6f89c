package io.glmimage.manifest;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.Reader;
import java.util.ArrayList;
import java.util.List;

/**
 * The records of a CSV text as RFC 4180 defines them, or of a TSV text, which has tabs for commas.
 * A field in double quotes may contain separators, line ends and doubled quotes. Lines end with LF,
 * CR LF or CR. Blank lines and a byte order mark are skipped.
 *
 * <p>A record whose quotes are wrong ends with its first line: the next record starts on the next
 * line. Otherwise, a quote that is never closed would swallow all records after it.
 */
final class CsvRecords {
  /** Above this, a text with many wrong quotes would take time that grows with its square. */
  private static final long MOST_REREAD_CHARS = 1L << 28;

  /**
   * A record.
   *
   * @param line first line of the record, from 1
   * @param fields values in order; null for an empty field without quotes. Some are missing if
   *     there is a problem
   * @param problem what is wrong with the text, or null
   */
  record Rec(long line, List<String> fields, String problem) {}

  private final BufferedReader in;
  private final char separator;
  private long line = 1;
  private boolean started;

  /** Text that is read before the rest of the input: lines after a record with wrong quotes. */
  private String again = "";

  private int position;
  private long reread;

  /** The text of the present record so far. */
  private final StringBuilder raw = new StringBuilder();

  CsvRecords(Reader in, char separator) {
    this.in = in instanceof BufferedReader buffered ? buffered : new BufferedReader(in);
    this.separator = separator;
  }

  /** The next record, or null at the end. */
  Rec next() throws IOException {
    while (true) {
      Rec rec = read();
      if (rec == null
          || rec.problem() != null
          || rec.fields().size() > 1
          || !isBlank(rec.fields().get(0))) {
        return rec;
      }
    }
  }

  /** A manifest has two columns or more, so such a line holds no row. */
  private static boolean isBlank(String onlyField) {
    return onlyField == null || onlyField.isBlank();
  }

  private int character() throws IOException {
    int c = position < again.length() ? again.charAt(position++) : in.read();
    if (c >= 0) {
      raw.append((char) c);
    }
    return c;
  }

  /** Reads the LF of a CR LF. */
  private boolean skipLineFeed() throws IOException {
    if (position < again.length()) {
      if (again.charAt(position) != '\n') {
        return false;
      }
      position++;
    } else {
      in.mark(1);
      if (in.read() != '\n') {
        in.reset();
        return false;
      }
    }
    raw.append('\n');
    return true;
  }

  private Rec read() throws IOException {
    raw.setLength(0);
    int c = character();
    if (!started) {
      started = true;
      if (c == '\uFEFF') {
        raw.setLength(0);
        c = character();
      }
    }
    if (c < 0) {
      return null;
    }
    long start = line;
    List<String> fields = new ArrayList<>();
    String quotes = null;
    String text = null;
    // Where the first line ends in the raw text, and the number of fields before.
    int firstEnd = -1;
    int before = 0;
    StringBuilder field = new StringBuilder();
    boolean quoted = false;
    boolean closed = false;
    while (true) {
      if (text == null && c >= 0) {
        text = problem(c, field);
      }
      if (quoted) {
        if (c < 0) {
          quotes = "a quote is never closed";
          quoted = false;
          continue;
        }
        if (c == '"') {
          c = character();
          if (c == '"') {
            field.append('"');
            c = character();
          } else {
            quoted = false;
            closed = true;
          }
          continue;
        }
        field.append((char) c);
        if (c == '\n' || c == '\r') {
          if (c == '\r' && skipLineFeed()) {
            field.append('\n');
          }
          line++;
          if (firstEnd < 0) {
            firstEnd = raw.length();
            before = fields.size();
          }
        }
        c = character();
        continue;
      }
      if (c == '\r') {
        skipLineFeed();
        c = '\n';
      }
      if (c == separator || c == '\n' || c < 0) {
        fields.add(field.isEmpty() && !closed ? null : field.toString());
        if (c != separator) {
          line += c == '\n' ? 1 : 0;
          break;
        }
        field.setLength(0);
        closed = false;
      } else if (c == '"' && field.isEmpty() && !closed) {
        quoted = true;
      } else {
        if (closed) {
          quotes = "text follows a closing quote (write quotes inside quotes twice)";
        }
        field.append((char) c);
      }
      c = character();
    }
    if (quotes != null && firstEnd >= 0 && reread + raw.length() <= MOST_REREAD_CHARS) {
      reread += raw.length();
      again = raw.substring(firstEnd) + again.substring(position);
      position = 0;
      line = start + 1;
      fields = new ArrayList<>(fields.subList(0, before));
    }
    return new Rec(start, fields, quotes == null ? text : quotes);
  }

  /** What is wrong with a character that follows these, or null. */
  private static String problem(int c, StringBuilder before) {
    if (c == 0) {
      return "it contains a NUL character (is the file damaged, or not UTF-8?)";
    }
    boolean paired =
        !before.isEmpty() && Character.isHighSurrogate(before.charAt(before.length() - 1));
    return Character.isLowSurrogate((char) c) && !paired
        ? StrictUtf8.problem(String.valueOf((char) c)).replaceFirst("^is", "it is")
        : null;
  }
}
