package io.glmimage.spark.manifest;

import io.glmimage.manifest.ManifestField;
import io.glmimage.manifest.ManifestOptions;
import io.glmimage.manifest.TextRow;
import java.io.Serializable;
import java.util.List;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;

/**
 * A column of the table of a text manifest.
 *
 * @param name name in the table
 * @param field the field that the column holds, or null
 * @param other name in {@link TextRow#other} if the column does not hold a field
 */
record TextColumn(String name, ManifestField field, String other, DataType type)
    implements Serializable {
  /** The column of a field, under its name in the manifest. */
  static TextColumn of(ManifestField field, ManifestOptions options) {
    DataType type =
        switch (field) {
          case PROMPT, ID, MASK_PATH -> DataTypes.StringType;
          case IMAGE_PATHS -> DataTypes.createArrayType(DataTypes.StringType);
          case GUIDANCE_SCALE -> DataTypes.DoubleType;
          default -> DataTypes.LongType;
        };
    return new TextColumn(options.columnOf(field), field, null, type);
  }

  /** A column that passes through. */
  static TextColumn other(String name, DataType type) {
    return new TextColumn(name, null, name, type);
  }

  Object value(TextRow row) {
    Object value = field == null ? row.other(other) : row.value(field);
    return value instanceof List<?> list ? list.toArray(new String[0]) : value;
  }
}
