package io.glmimage.manifest;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A row of a text manifest. Readers fill it field by field. A value that cannot be read becomes a
 * problem of this row and leaves its field null.
 */
public final class TextRow implements FieldValues {
  private final EnumMap<ManifestField, Object> values = new EnumMap<>(ManifestField.class);
  private final Map<String, Object> others = new LinkedHashMap<>();
  private final List<String> problems = new ArrayList<>();
  private String fatal;

  /**
   * The value of a field; may be null. Image paths are a list of Strings, and other texts a String.
   * The guidance is a Double, and other numbers are a Long.
   */
  @Override
  public Object value(ManifestField field) {
    return values.get(field);
  }

  @Override
  public String problem() {
    return problems.isEmpty() ? null : String.join("; ", problems);
  }

  /** The value of a column that is not a field, or null. */
  public Object other(String column) {
    return others.get(column);
  }

  /** Why the whole manifest must be refused, or null. */
  public String fatal() {
    return fatal;
  }

  void put(ManifestField field, Object value) {
    values.put(field, value);
  }

  void putOther(String column, Object value) {
    others.put(column, value);
  }

  /** Adds a reason why the row cannot be edited. */
  void problem(String text) {
    problems.add(text);
  }

  /**
   * Why a text is not a value of a field, or null.
   *
   * @param name name of the column
   * @param place names where the text is
   */
  public static String problem(ManifestField field, String name, String text, String place) {
    TextRow row = new TextRow();
    CellValues.put(row, field, name, text, place);
    return row.problem();
  }

  /** Makes a reason the only one: the line as a whole cannot be read. */
  void unreadable(String text) {
    problems.clear();
    problems.add(text);
  }

  void fatal(String text) {
    fatal = text;
  }
}
