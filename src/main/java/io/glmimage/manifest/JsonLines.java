package io.glmimage.manifest;

import java.io.Reader;
import java.util.HashSet;
import java.util.NoSuchElementException;
import java.util.Set;

/** A manifest with one JSON object a line. Blank lines are skipped. */
public final class JsonLines implements TextRows {
  /**
   * Column that holds the line with null for each field. Spark reads the other columns from it. Of
   * a line that cannot be read, only the keys of fields remain.
   */
  public static final String LINE = "line";

  /** Column that names the line in messages. */
  public static final String PLACE = "place";

  private final Lines lines;
  private final String file;
  private final ManifestOptions options;
  private final JsonTexts texts;
  private final Set<String> fields = new HashSet<>();

  JsonLines(Reader in, String file, ManifestOptions options, JsonTexts texts) {
    this.lines = new Lines(in);
    this.file = file;
    this.options = options;
    this.texts = texts;
    for (ManifestField field : ManifestField.values()) {
      fields.add(options.columnOf(field));
    }
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
    JsonObjectLine object = JsonObjectLine.of(line, fields::contains);
    for (ManifestField field : ManifestField.values()) {
      String name = options.columnOf(field);
      JsonFields.put(row, field, name, object.get(name), place);
    }
    if (object.problem() != null) {
      row.unreadable(place + object.problem());
    }
    row.putOther(LINE, texts.in(object.others()));
    row.putOther(PLACE, place);
    return row;
  }
}
