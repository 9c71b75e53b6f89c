package io.glmimage.spark.manifest;

import io.glmimage.error.UsageException;
import io.glmimage.manifest.InternalColumns;
import io.glmimage.manifest.JsonShape;
import io.glmimage.manifest.JsonTexts;
import io.glmimage.manifest.ManifestOptions;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.DoubleType;
import org.apache.spark.sql.types.StringType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/**
 * The columns of JSON lines that pass through. They have the types that Spark infers, except that
 * values which these types cannot hold become texts.
 */
final class JsonColumns {
  private final ManifestOptions options;
  private final TreeSet<String> dropped = new TreeSet<>();
  private final List<StructField> passed = new ArrayList<>();
  private final List<String> leftOut = new ArrayList<>();
  private final JsonTexts texts = new JsonTexts();

  /** By column and reason. */
  private final Map<String, String> warnings = new LinkedHashMap<>();

  /**
   * Chooses the types.
   *
   * @param inferred what Spark infers from all lines
   * @param fields columns that do not pass through
   * @throws UsageException if names differ only in case
   */
  JsonColumns(StructType inferred, JsonShape lines, List<String> fields, ManifestOptions options) {
    this.options = options;
    options.dropped().forEach(name -> dropped.add(lower(name)));
    checkNames(lines, fields);
    Map<String, DataType> types = types(inferred);
    lines
        .members()
        .forEach(
            (name, values) -> {
              if (fields.contains(name)) {
                return;
              }
              if (dropped.contains(lower(name))) {
                leftOut.add(name);
              } else {
                passed.add(field(name, type(types.get(name), values, List.of(name))));
              }
            });
  }

  /** The columns that pass through, sorted by name. */
  List<StructField> passed() {
    return passed;
  }

  /** Other columns, which are dropped; one of each name, whatever its case. */
  List<String> dropped() {
    Map<String, String> names = new TreeMap<>();
    leftOut.forEach(name -> names.putIfAbsent(lower(name), name));
    return List.copyOf(names.values());
  }

  /** The values that become texts. */
  JsonTexts texts() {
    return texts;
  }

  /** What the user should know about the columns. */
  List<String> warnings() {
    return List.copyOf(warnings.values());
  }

  private void checkNames(JsonShape lines, List<String> fields) {
    Map<String, String> names = new HashMap<>();
    fields.forEach(name -> names.put(lower(name), name));
    for (String name : lines.members().keySet()) {
      if (fields.contains(name)) {
        continue;
      }
      String other = names.put(lower(name), name);
      if (other != null && (fields.contains(other) || !dropped.contains(lower(name)))) {
        throw new UsageException(
            "Cannot use manifest "
                + options.path()
                + ": some lines have the field "
                + other
                + " and some "
                + name
                + ", such as "
                + place(lines, other)
                + " and "
                + place(lines, name)
                + " (use the same capitals in all lines"
                + (fields.contains(other) ? "" : ", or leave both out with --drop-columns " + name)
                + ")");
      }
    }
  }

  private static String place(JsonShape lines, String name) {
    return lines.members().get(name).place();
  }

  /**
   * The type of the values in one place.
   *
   * @param inferred null if Spark leaves them out because they are only empty objects
   * @param path of the values, as {@link JsonTexts#mark} has it
   */
  private DataType type(DataType inferred, JsonShape values, List<String> path) {
    if (inferred == null) {
      return text(
          path, "has only empty objects, which a table cannot hold; it passes through as text");
    }
    if (inferred instanceof StructType struct) {
      checkCase(values, path);
      Map<String, DataType> types = types(struct);
      List<StructField> fields = new ArrayList<>();
      values
          .members()
          .forEach(
              (key, member) -> fields.add(field(key, type(types.get(key), member, of(path, key)))));
      return DataTypes.createStructType(fields);
    }
    if (inferred instanceof ArrayType array) {
      return values.items() == null
          ? array
          : DataTypes.createArrayType(
              type(array.elementType(), values.items(), of(path, JsonTexts.ITEMS)));
    }
    boolean changed =
        inferred instanceof DoubleType
            ? values.isInexact()
            : inferred instanceof StringType && values.hasInexact();
    // A field with other capitals is read from its number, and a wrong number fails its row alone.
    return changed && options.fieldOf(path.get(0)) == null
        ? text(
            path,
            "has numbers that a double cannot hold; it passes through as text, with the digits as"
                + " written")
        : inferred;
  }

  private DataType text(List<String> path, String why) {
    texts.mark(path);
    warnings.putIfAbsent(path.get(0) + '\n' + why, "column " + shown(path) + " " + why);
    return DataTypes.StringType;
  }

  /** Spark cannot write two names that differ only in case, and merges some while it infers. */
  private void checkCase(JsonShape values, List<String> path) {
    Map<String, String> names = new HashMap<>();
    for (String key : values.members().keySet()) {
      String other = names.put(lower(key), key);
      if (other != null) {
        throw new UsageException(
            "Cannot use manifest "
                + options.path()
                + ": column "
                + path.get(0)
                + " has keys that differ only in case: "
                + shown(of(path, other))
                + " ("
                + place(values, other)
                + ") and "
                + shown(of(path, key))
                + " ("
                + place(values, key)
                + ") (use the same capitals in all lines, or leave the column out with"
                + " --drop-columns "
                + path.get(0)
                + ")");
      }
    }
  }

  private static StructField field(String name, DataType type) {
    return DataTypes.createStructField(name, type, true);
  }

  private static Map<String, DataType> types(StructType struct) {
    Map<String, DataType> types = new HashMap<>();
    for (StructField field : struct.fields()) {
      if (!field.name().equals(InternalColumns.CORRUPT)) {
        types.put(field.name(), field.dataType());
      }
    }
    return types;
  }

  private static List<String> of(List<String> path, String next) {
    List<String> longer = new ArrayList<>(path);
    longer.add(next);
    return longer;
  }

  private static String shown(List<String> path) {
    StringBuilder text = new StringBuilder();
    for (String part : path) {
      boolean items = part.equals(JsonTexts.ITEMS);
      text.append(items ? "[]" : text.length() == 0 ? part : "." + part);
    }
    return text.toString();
  }

  private static String lower(String name) {
    return name.toLowerCase(Locale.ROOT);
  }
}
