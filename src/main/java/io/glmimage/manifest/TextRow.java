package io.glmimage.manifest;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A row of a manifest that is text: JSON Lines, CSV, OpenAI batch. Filled field by field; what
 * cannot be taken is a problem of this row and leaves the field null.
 */
public final class TextRow {
  private final EnumMap<ManifestField, Object> values = new EnumMap<>(ManifestField.class);
  private final Map<String, Object> others = new LinkedHashMap<>();
  private final List<String> problems = new ArrayList<>();
  private String fatal;

  /**
   * The value of a field: String for prompt and id, a list of String for image_paths, Double for
   * guidance_scale, Long for the others; or null.
   */
  public Object value(ManifestField field) {
    return values.get(field);
  }

  /** The value of a column that is no field, or null. */
  public Object other(String column) {
    return others.get(column);
  }

  /** What is wrong with the row, or null. */
  public String problem() {
    return problems.isEmpty() ? null : String.join("; ", problems);
  }

  /** What is wrong so that the whole manifest is to be refused, or null. */
  public String fatal() {
    return fatal;
  }

  void put(ManifestField field, Object value) {
    values.put(field, value);
  }

  void putOther(String column, Object value) {
    others.put(column, value);
  }

  void problem(String text) {
    problems.add(text);
  }

  void fatal(String text) {
    fatal = text;
  }
}
