package io.glmimage.spark.manifest;

import io.glmimage.manifest.FieldValues;
import io.glmimage.manifest.InternalColumns;
import io.glmimage.manifest.ManifestField;
import io.glmimage.manifest.ManifestSchema;
import org.apache.spark.sql.Row;

/**
 * The fields of a row of the manifest table.
 *
 * @param row with the columns of the manifest first
 */
record RowFields(Row row, ManifestSchema schema) implements FieldValues {
  @Override
  public Object value(ManifestField field) {
    int position = schema.position(field);
    return position < 0 ? null : value(row, position);
  }

  @Override
  public String problem() {
    int position = schema.problemPosition();
    return position < 0 ? null : row.getString(position);
  }

  /** The values of a struct that has a column for each field, under the name of the field. */
  static FieldValues ofStruct(Row struct) {
    return new FieldValues() {
      @Override
      public Object value(ManifestField field) {
        return RowFields.value(struct, struct.fieldIndex(field.column()));
      }

      @Override
      public String problem() {
        return struct.getAs(InternalColumns.PROBLEM);
      }
    };
  }

  /** A value with arrays as Java lists. */
  private static Object value(Row row, int position) {
    Object value = row.get(position);
    return value instanceof scala.collection.Seq<?> ? row.getList(position) : value;
  }
}
