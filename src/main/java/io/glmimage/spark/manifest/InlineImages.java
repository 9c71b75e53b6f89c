package io.glmimage.spark.manifest;

import static org.apache.spark.sql.functions.array;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.not;
import static org.apache.spark.sql.functions.transform;
import static org.apache.spark.sql.functions.udf;
import static org.apache.spark.sql.functions.when;

import io.glmimage.manifest.DataUrl;
import io.glmimage.manifest.ManifestField;
import io.glmimage.manifest.ManifestOptions;
import java.util.Arrays;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.expressions.UserDefinedFunction;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.BinaryType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StringType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/**
 * Image files inside a table: the struct of bytes and path that Hugging Face {@code datasets}
 * write, or plain bytes. They become data URLs, which all later steps know; a struct without bytes
 * becomes its path.
 */
final class InlineImages {
  private static final String BYTES = "bytes";
  private static final String PATH = "path";

  /** For a struct with neither bytes nor path: an empty path, which fails the row. */
  private static final String NOTHING = "";

  private InlineImages() {}

  /** Whether this is the type of an image file, or of an array of image files. */
  static boolean is(DataType type) {
    return isFile(type) || (type instanceof ArrayType array && isFile(array.elementType()));
  }

  private static boolean isFile(DataType type) {
    if (!(type instanceof StructType struct)) {
      return type instanceof BinaryType;
    }
    StructField bytes = SqlColumns.field(struct, BYTES);
    StructField path = SqlColumns.field(struct, PATH);
    Set<String> names =
        Arrays.stream(struct.fieldNames())
            .map(name -> name.toLowerCase(Locale.ROOT))
            .collect(Collectors.toSet());
    return bytes != null
        && bytes.dataType() instanceof BinaryType
        && (path == null || path.dataType() instanceof StringType)
        && Set.of(BYTES, PATH).containsAll(names)
        && names.size() == struct.size();
  }

  /** Replaces image files in the columns of source images and masks by data URLs and paths. */
  static Dataset<Row> asTexts(Dataset<Row> rows, ManifestOptions options) {
    Dataset<Row> texts = rows;
    for (StructField column : rows.schema().fields()) {
      ManifestField field = options.fieldOf(column.name());
      boolean sources = field == ManifestField.IMAGE_PATHS;
      boolean mask = field == ManifestField.MASK_PATH && !(column.dataType() instanceof ArrayType);
      if ((sources || mask) && is(column.dataType())) {
        Column value = SqlColumns.of(column.name());
        texts = texts.withColumn(column.name(), texts(value, column.dataType(), mask));
      }
    }
    return texts;
  }

  private static Column texts(Column value, DataType type, boolean mask) {
    if (type instanceof ArrayType array) {
      return transform(value, item -> text(item, array.elementType()));
    }
    Column text = text(value, type);
    return when(value.isNotNull(), mask ? text : array(text));
  }

  private static Column text(Column value, DataType type) {
    UserDefinedFunction url = udf((UDF1<byte[], String>) DataUrl::ofFile, DataTypes.StringType);
    if (!(type instanceof StructType struct)) {
      return when(value.isNull(), lit(NOTHING)).otherwise(url.apply(value));
    }
    Column bytes = value.getField(SqlColumns.field(struct, BYTES).name());
    StructField named = SqlColumns.field(struct, PATH);
    Column path =
        named == null ? lit(null).cast(DataTypes.StringType) : value.getField(named.name());
    return when(bytes.isNotNull(), url.apply(bytes))
        .when(not(path.isNull()), path)
        .otherwise(lit(NOTHING));
  }
}
