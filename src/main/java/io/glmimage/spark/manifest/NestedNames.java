package io.glmimage.spark.manifest;

import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.MapType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/** Names inside structs. Spark cannot write two of a struct that differ only in case. */
final class NestedNames {
  private NestedNames() {}

  /**
   * Two names of one struct that Spark takes for the same.
   *
   * @param path the name of the column, or the names that lead to the type
   * @return {@code path.k and path.K}, or null if there are none
   */
  static String alike(String path, DataType type) {
    if (type instanceof ArrayType array) {
      return alike(path + "[]", array.elementType());
    }
    if (type instanceof MapType map) {
      String key = alike(path + ".key", map.keyType());
      return key == null ? alike(path + ".value", map.valueType()) : key;
    }
    if (type instanceof StructType struct) {
      Map<String, String> names = new HashMap<>();
      for (StructField field : struct.fields()) {
        String other = names.put(field.name().toLowerCase(Locale.ROOT), field.name());
        String found =
            other == null
                ? alike(path + "." + field.name(), field.dataType())
                : path + "." + other + " and " + path + "." + field.name();
        if (found != null) {
          return found;
        }
      }
    }
    return null;
  }
}
