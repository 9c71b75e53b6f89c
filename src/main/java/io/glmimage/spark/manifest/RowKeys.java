package io.glmimage.spark.manifest;

import static org.apache.spark.sql.functions.coalesce;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.not;
import static org.apache.spark.sql.functions.size;
import static org.apache.spark.sql.functions.udf;
import static org.apache.spark.sql.functions.when;

import io.glmimage.manifest.FieldValues;
import io.glmimage.manifest.ManifestField;
import io.glmimage.manifest.ManifestSchema;
import io.glmimage.manifest.RowReader;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.DecimalType;
import org.apache.spark.sql.types.StringType;
import org.apache.spark.sql.types.StructType;

/**
 * What {@link RowReader} says about the identity of a row, as columns of the manifest table.
 *
 * @param own the row's own id; null if it gives none. An expression of Spark SQL, except for ids
 *     that are decimal fractions
 * @param key the row's own id, or an id made from its content, which is computed row by row: it is
 *     a SHA-256 of all fields
 * @param textToImage whether the row can be read and has no source image; an expression
 */
record RowKeys(Column own, Column key, Column textToImage) {
  /** Names of functions of this program in the plans of Spark. */
  static final String CONTENT_KEY = "content_key";

  private static final String OWN_ID = "own_id";

  /**
   * @param fields a struct as {@link RowFields#ofStruct} reads it
   */
  static RowKeys of(ManifestTable manifest, Column fields) {
    StructType columns = manifest.rows().schema();
    ManifestSchema schema = manifest.schema();
    RowReader reader = manifest.reader();
    Column contentKey =
        udf(
                (UDF1<Row, String>) values -> reader.key(RowFields.ofStruct(values)),
                DataTypes.StringType)
            .withName(CONTENT_KEY)
            .apply(fields);
    int id = schema.position(ManifestField.ID);
    Column own =
        id < 0
            ? lit(null).cast(DataTypes.StringType)
            : own(column(columns, id), columns.fields()[id].dataType(), reader, fields);
    return new RowKeys(
        own, id < 0 ? contentKey : coalesce(own, contentKey), isTextToImage(columns, schema));
  }

  private static Column own(Column id, DataType type, RowReader reader, Column fields) {
    if (type instanceof StringType) {
      return when(VisibleText.isIn(id).and(not(VisibleText.isNotUtf8(id))), id);
    }
    if (type instanceof DecimalType decimal && decimal.scale() != 0) {
      // Spark writes zeros at the end, and very small numbers with an exponent.
      return udf(
              (UDF1<Row, String>)
                  values -> {
                    FieldValues row = RowFields.ofStruct(values);
                    return reader.namesItself(row) ? reader.key(row) : null;
                  },
              DataTypes.StringType)
          .withName(OWN_ID)
          .apply(fields);
    }
    return id.cast(DataTypes.StringType);
  }

  private static Column isTextToImage(StructType columns, ManifestSchema schema) {
    int position = schema.position(ManifestField.IMAGE_PATHS);
    Column paths = column(columns, position);
    Column present =
        columns.fields()[position].dataType() instanceof ArrayType
            ? size(paths).gt(0)
            : VisibleText.isIn(paths);
    Column none = paths.isNull().or(present.equalTo(false));
    int problem = schema.problemPosition();
    return problem < 0 ? none : none.and(column(columns, problem).isNull());
  }

  private static Column column(StructType columns, int position) {
    return SqlColumns.of(columns.fields()[position].name());
  }
}
