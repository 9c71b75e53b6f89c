package io.glmimage.manifest;

import java.util.Map;

/** The values that one row of a manifest gives, before any check. */
public interface FieldValues {
  /**
   * The value of a field: a String, a Number, a list of Strings for several image paths, or null.
   */
  Object value(ManifestField field);

  /** Why the row could not be read, or null if it could. */
  String problem();

  /** The values of a row that could be read. */
  static FieldValues of(Map<ManifestField, ?> values) {
    return new FieldValues() {
      @Override
      public Object value(ManifestField field) {
        return values.get(field);
      }

      @Override
      public String problem() {
        return null;
      }
    };
  }
}
