package io.glmimage.spark.manifest;

import java.util.Arrays;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.MapType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/** Columns of any name and type in Spark SQL. */
public final class SqlColumns {
  private SqlColumns() {}

  /** A column whose name may contain dots and quotation marks. */
  public static Column of(String name) {
    return functions.col(quoted(name));
  }

  /** A name in SQL. */
  public static String quoted(String name) {
    return "`" + name.replace("`", "``") + "`";
  }

  /** The field of this name, whatever its case; null if there is none. */
  public static StructField field(StructType columns, String name) {
    return Arrays.stream(columns.fields())
        .filter(field -> field.name().equalsIgnoreCase(name))
        .findFirst()
        .orElse(null);
  }

  /** Whether values of this type can be compared and ordered. */
  public static boolean isComparable(DataType type) {
    if (type instanceof ArrayType array) {
      return isComparable(array.elementType());
    }
    if (type instanceof StructType struct) {
      return Arrays.stream(struct.fields()).allMatch(field -> isComparable(field.dataType()));
    }
    // Spark 4 has a type of semi-structured values, which cannot be compared either.
    return !(type instanceof MapType) && !type.typeName().equals("variant");
  }
}
