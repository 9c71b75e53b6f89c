package io.glmimage.manifest;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.Reader;
import java.util.ArrayList;
import java.util.List;

/**
 * The records of a CSV text as RFC 4180 defines them, or of a TSV text, which has tabs for commas.
 * A field in double quotes may contain separators, line ends and doubled quotes. Lines end with LF
 * or CR LF. Blank lines and a byte order mark are skipped.
 */
final class CsvRecords {
  /**
   * A record.
   *
   * @param line first line of the record, from 1
   * @param fields values in order; null for an empty field without quotes
   * @param problem what is wrong with the quotes, or null
   */
  record Rec(long line, List<String> fields, String problem) {}

  private final BufferedReader in;
  private final char separator;
  private long line = 1;
  private boolean started;

  CsvRecords(Reader in, char separator) {
    this.in = in instanceof BufferedReader buffered ? buffered : new BufferedReader(in);
    this.separator = separator;
  }

  /** The next record, or null at the end. */
  Rec next() throws IOException {
    while (true) {
      Rec rec = read();
      if (rec == null || rec.fields().size() > 1 || rec.fields().get(0) != null) {
        return rec;
      }
    }
  }

  private Rec read() throws IOException {
    int c = in.read();
    if (!started) {
      started = true;
      if (c == '\uFEFF') {
        c = in.read();
      }
    }
    if (c < 0) {
      return null;
    }
    long start = line;
    List<String> fields = new ArrayList<>();
    String problem = null;
    StringBuilder field = new StringBuilder();
    boolean quoted = false;
    boolean closed = false;
    while (true) {
      if (quoted) {
        if (c < 0) {
          problem = "a quote is never closed";
          quoted = false;
          continue;
        }
        if (c == '\n') {
          line++;
        }
        if (c == '"') {
          c = in.read();
          if (c == '"') {
            field.append('"');
            c = in.read();
          } else {
            quoted = false;
            closed = true;
          }
          continue;
        }
        field.append((char) c);
        c = in.read();
        continue;
      }
      if (c == '\r') {
        in.mark(1);
        if (in.read() == '\n') {
          c = '\n';
          continue;
        }
        in.reset();
      }
      if (c == separator || c == '\n' || c < 0) {
        fields.add(field.isEmpty() && !closed ? null : field.toString());
        if (c != separator) {
          line += c == '\n' ? 1 : 0;
          return new Rec(start, fields, problem);
        }
        field.setLength(0);
        closed = false;
      } else if (c == '"' && field.isEmpty() && !closed) {
        quoted = true;
      } else {
        if (closed) {
          problem = "text follows a closing quote (write quotes inside quotes twice)";
        }
        field.append((char) c);
      }
      c = in.read();
    }
  }
}
