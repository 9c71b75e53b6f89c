package io.glmimage.manifest;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.Reader;
import java.util.NoSuchElementException;

/** A manifest with one JSON object a line. Blank lines are skipped. */
public final class JsonLines implements TextRows {
  /** Column that holds the line, from which Spark reads the columns that are not fields. */
  public static final String LINE = "line";

  private final Lines lines;
  private final String file;
  private final ManifestOptions options;

  JsonLines(Reader in, String file, ManifestOptions options) {
    this.lines = new Lines(in);
    this.file = file;
    this.options = options;
  }

  @Override
  public boolean hasNext() {
    return lines.hasNext();
  }

  @Override
  public TextRow next() {
    if (!hasNext()) {
      throw new NoSuchElementException();
    }
    String line = lines.next();
    String place = TextRows.place(file, lines.number());
    TextRow row = new TextRow();
    JsonNode object = JsonFields.object(line, place, row);
    if (object != null) {
      for (ManifestField field : ManifestField.values()) {
        String name = options.columnOf(field);
        JsonFields.put(row, field, name, object.get(name), place);
      }
    }
    row.putOther(LINE, line);
    return row;
  }
}
