package io.glmimage.manifest;

import io.glmimage.error.UsageException;
import io.glmimage.error.Wording;
import io.glmimage.json.Surrogates;
import java.io.IOException;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * A manifest of comma- or tab-separated values with a header. An empty cell is null. {@link
 * CellValues} reads the fields.
 */
final class CsvRows implements TextRows {
  /** The first line of files for some versions of Excel. */
  private static final Pattern EXCEL_SEPARATOR = Pattern.compile("(?i)sep=.?");

  private final CsvRecords records;
  private final String file;
  private final List<String> header;

  /** Fields by the position of their column. */
  private final Map<Integer, ManifestField> fields = new HashMap<>();

  private CsvRecords.Rec next;

  CsvRows(Reader in, String file, ManifestOptions options, char separator) throws IOException {
    this.records = new CsvRecords(in, separator);
    this.file = file;
    this.header = header(records, file);
    for (int i = 0; i < header.size(); i++) {
      ManifestField field = options.fieldOf(header.get(i));
      if (field != null) {
        fields.put(i, field);
      }
    }
    this.next = records.next();
  }

  /** The names of the columns of a file. */
  static List<String> header(Reader in, String file, char separator) throws IOException {
    return header(new CsvRecords(in, separator), file);
  }

  private static List<String> header(CsvRecords records, String file) throws IOException {
    CsvRecords.Rec first = records.next();
    if (first == null) {
      throw new UsageException(
          "Cannot read manifest " + file + ": it is empty (its first line must name the columns)");
    }
    if (first.problem() != null) {
      throw new UsageException(
          "Cannot read manifest " + file + ": its header cannot be used: " + first.problem());
    }
    String start = first.fields().get(0);
    if (start != null && EXCEL_SEPARATOR.matcher(start).matches()) {
      throw new UsageException(
          "Cannot read manifest "
              + file
              + ": its first line is a note for Excel ("
              + start
              + "); remove this line, and name the separator with --delimiter");
    }
    Set<String> seen = new HashSet<>();
    for (String name : first.fields()) {
      if (name == null || name.isBlank() || !seen.add(name.strip().toLowerCase(Locale.ROOT))) {
        throw new UsageException(
            "Cannot read manifest "
                + file
                + ": its header names "
                + (name == null || name.isBlank()
                    ? "an empty column"
                    : Texts.shown(name) + " twice")
                + (start == null || start.isBlank()
                    ? " (is it the index of pandas? Write it with to_csv(FILE, index=False))"
                    : " (its first line must name the columns)"));
      }
    }
    return first.fields().stream().map(String::strip).toList();
  }

  @Override
  public boolean hasNext() {
    return next != null;
  }

  @Override
  public TextRow next() {
    if (next == null) {
      throw new NoSuchElementException();
    }
    CsvRecords.Rec rec = next;
    try {
      next = records.next();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    String place = TextRows.place(file, rec.line());
    TextRow row = new TextRow();
    if (rec.problem() != null) {
      row.problem(place + ": " + rec.problem());
    } else if (rec.fields().size() != header.size()) {
      row.problem(
          place
              + " has "
              + Wording.count(rec.fields().size(), "value")
              + ", the header has "
              + header.size());
    }
    for (int i = 0; i < Math.min(header.size(), rec.fields().size()); i++) {
      String value = rec.fields().get(i);
      ManifestField field = fields.get(i);
      if (value == null || Surrogates.unpaired(value) >= 0) {
        continue;
      }
      if (field == null) {
        row.putOther(header.get(i), value);
      } else {
        CellValues.put(row, field, header.get(i), value, place);
      }
    }
    return row;
  }
}
