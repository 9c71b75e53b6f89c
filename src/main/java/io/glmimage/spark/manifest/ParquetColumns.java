package io.glmimage.spark.manifest;

import io.glmimage.error.UsageException;
import io.glmimage.manifest.ManifestField;
import io.glmimage.manifest.ManifestOptions;
import io.glmimage.manifest.TextRow;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.ByteType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.DecimalType;
import org.apache.spark.sql.types.DoubleType;
import org.apache.spark.sql.types.FloatType;
import org.apache.spark.sql.types.IntegerType;
import org.apache.spark.sql.types.LongType;
import org.apache.spark.sql.types.MapType;
import org.apache.spark.sql.types.NullType;
import org.apache.spark.sql.types.ShortType;
import org.apache.spark.sql.types.StringType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/** Chooses one type for each column of Parquet files that need not have the same columns. */
final class ParquetColumns {
  private static final int MOST_PROBLEMS = 5;

  /** The {@link #rank} of a column without a type. */
  private static final int LAST_RANK = 2;

  /**
   * A column of the manifest.
   *
   * @param field the field that the column holds, or null
   * @param empty whether the column is not read because it is dropped and cannot be read
   */
  record Target(String name, DataType type, ManifestField field, boolean empty) {
    /** This column of a file, or null. */
    ParquetFooter.Column in(List<ParquetFooter.Column> columns) {
      return columns.stream()
          .filter(column -> column.name().equalsIgnoreCase(name))
          .findFirst()
          .orElse(null);
    }

    /** This column among partition columns, or null. */
    String inNames(List<String> names) {
      return names.stream().filter(name::equalsIgnoreCase).findFirst().orElse(null);
    }

    /** Whether values are read from this column of a file. */
    boolean reads(ParquetFooter.Column column) {
      if (empty || column.type() instanceof NullType || column.problem() != null) {
        return false;
      }
      // Values of another type than the others, of which there are none.
      return !column.allNull() || merged(type, column.type(), field, true) != null;
    }
  }

  /**
   * A column in the name of a folder.
   *
   * @param value null if the folder is for null
   * @param folder its name, for messages
   */
  record Partition(String name, String value, String folder) {}

  /** A column of some files. The first file is named in messages. */
  private record Seen(ParquetFooter.Column column, String file) {}

  private final ManifestOptions options;
  private final Set<String> dropped = new TreeSet<>();

  /** By name in lower case, as Spark compares names. */
  private final Map<String, Map<ParquetFooter.Column, Seen>> columns = new LinkedHashMap<>();

  private final Map<String, String> partitions = new LinkedHashMap<>();

  /** Partition columns with a value that is not a number, although their field needs numbers. */
  private final Set<String> notNumbers = new TreeSet<>();

  private final List<String> problems = new ArrayList<>();

  /** Columns that a file has twice, which Spark cannot read. */
  private final Set<String> twice = new TreeSet<>();

  /** Files that lack a column, by the column's name; the first of them. */
  private final Map<String, String> lacking = new HashMap<>();

  private final Map<Set<String>, String> columnSets = new LinkedHashMap<>();

  ParquetColumns(ManifestOptions options) {
    this.options = options;
    options.dropped().forEach(name -> dropped.add(lower(name)));
  }

  /**
   * Adds the columns of a file.
   *
   * @param file its name, for messages
   * @param folders its partition columns
   */
  void add(String file, ParquetFooter footer, List<Partition> folders) {
    Set<String> names = new TreeSet<>();
    for (ParquetFooter.Column column : footer.columns()) {
      String name = lower(column.name());
      if (!names.add(name)) {
        twice.add(name);
      }
      if (twice.contains(name) && !isDropped(name)) {
        boolean same =
            footer.columns().stream().filter(c -> c.name().equals(column.name())).count() > 1;
        problem(
            "file "
                + file
                + " has two columns "
                + column.name()
                + (same ? "" : ", which differ only in case")
                + " (rename one of them"
                + dropAdvice(column.name())
                + ")");
      }
      columns
          .computeIfAbsent(name, key -> new LinkedHashMap<>())
          .putIfAbsent(column, new Seen(column, file));
    }
    for (Partition folder : folders) {
      String partition = folder.name();
      if (!names.add(lower(partition))) {
        problem(
            "column "
                + partition
                + " is in file "
                + file
                + " and in the name of its folder"
                + " (remove one of them)");
      }
      partitions.putIfAbsent(lower(partition), partition);
      checkNumber(folder);
    }
    if (footer.rows() > 0) {
      columnSets.putIfAbsent(names, file);
    }
  }

  private void checkNumber(Partition folder) {
    ManifestField field = options.fieldOf(folder.name());
    if (field != null && field.isNumber() && folder.value() != null) {
      String problem =
          TextRow.problem(
              field, folder.name(), folder.value(), "partition folder " + folder.folder());
      if (problem != null && notNumbers.add(lower(folder.name()))) {
        problem(problem + " (rename the folder)");
      }
    }
  }

  /**
   * The columns of the manifest, with partition columns last.
   *
   * @throws UsageException naming each column whose types differ or that cannot be read
   */
  List<Target> targets() {
    List<Target> targets = new ArrayList<>();
    columnSets.forEach(this::findLacking);
    for (Map.Entry<String, Map<ParquetFooter.Column, Seen>> entry : columns.entrySet()) {
      if (!partitions.containsKey(entry.getKey())) {
        targets.add(target(entry.getKey(), List.copyOf(entry.getValue().values())));
      }
    }
    partitions.forEach(
        (lower, name) -> {
          ManifestField field = options.fieldOf(name);
          boolean number = field != null && field.isNumber();
          if (columns.containsKey(lower)) {
            for (Seen seen : columns.get(lower).values()) {
              if ((number || !(seen.column().type() instanceof StringType)) && !isEmpty(seen)) {
                problem(
                    "column "
                        + name
                        + " is in the name of folders, and in file "
                        + seen.file()
                        + " it is of type "
                        + typeName(seen)
                        + " (keep it in one of them)");
              }
            }
          }
          DataType type = number ? emptyType(field) : DataTypes.StringType;
          targets.add(new Target(name, type, field, false));
        });
    if (!problems.isEmpty()) {
      throw new UsageException(
          "Cannot use manifest "
              + options.path()
              + ": "
              + String.join("; ", problems.subList(0, Math.min(MOST_PROBLEMS, problems.size())))
              + (problems.size() > MOST_PROBLEMS ? "; ..." : ""));
    }
    return targets;
  }

  private void findLacking(Set<String> names, String file) {
    for (ManifestField field : ManifestField.values()) {
      String name = options.columnOf(field);
      boolean required = field == ManifestField.PROMPT || field == ManifestField.IMAGE_PATHS;
      boolean known = columns.containsKey(lower(name)) || partitions.containsKey(lower(name));
      // Without the column in any file, the manifest is refused later.
      if (required
          && known
          && !names.contains(lower(name))
          && lacking.putIfAbsent(name, file) == null) {
        problem(
            "file "
                + file
                + " has no column "
                + name
                + ", which other files have (add it; all its"
                + " values may be null)");
      }
    }
  }

  private Target target(String lower, List<Seen> all) {
    String name = all.get(0).column().name();
    ManifestField field = options.fieldOf(name);
    boolean drop = isDropped(lower) && field == null;
    if (twice.contains(lower) || isUnreadable(all, field, drop)) {
      return empty(name);
    }
    DataType type = commonType(all, field, drop);
    if (type instanceof NullType) {
      type = emptyType(field);
    } else if (type instanceof ArrayType array && array.elementType() instanceof NullType) {
      type = DataTypes.createArrayType(DataTypes.StringType);
    }
    return type == null ? empty(name) : new Target(name, type, field, false);
  }

  /**
   * Whether the column has values in a file from which they cannot be read, which is a problem
   * unless the column is dropped.
   */
  private boolean isUnreadable(List<Seen> all, ManifestField field, boolean drop) {
    for (Seen seen : all) {
      ParquetFooter.Column column = seen.column();
      if (column.allNull()) {
        continue;
      }
      String where = "column " + column.name() + " of file " + seen.file();
      if (field != null && column.nanoseconds()) {
        problem(where + " is of type timestamp, expected " + field.expected());
        return true;
      }
      if (column.problem() != null) {
        if (!drop) {
          problem(
              where
                  + " "
                  + column.problem()
                  + (NestedNames.alike(column.name(), column.read()) == null
                      ? " (write it with another type or codec"
                      : " (rename one of them")
                  + dropAdvice(all.get(0).column().name())
                  + ")");
        }
        return true;
      }
    }
    return false;
  }

  /**
   * The type that holds the column's values of all files; null if there is none, which is a problem
   * unless the column is dropped. Columns without values take the type of the others, so columns
   * with values come first, those that have only a type next, and those without a type last.
   */
  private DataType commonType(List<Seen> all, ManifestField field, boolean drop) {
    String name = all.get(0).column().name();
    boolean exact = all.stream().allMatch(seen -> isExact(seen.column()));
    List<Seen> chosen = new ArrayList<>();
    DataType type = null;
    for (int rank = 0; rank <= LAST_RANK && type == null; rank++) {
      for (Seen seen : all) {
        if (rank(seen) != rank) {
          continue;
        }
        DataType next = seen.column().type() == null ? null : nullable(seen.column().type());
        boolean mix = chosen.isEmpty() || mix(chosen.get(0), seen);
        DataType both = type == null ? next : mix ? merged(type, next, field, exact) : null;
        if (both == null && rank > 0) {
          continue;
        }
        if (both == null) {
          if (!drop) {
            Seen other =
                chosen.stream()
                    .filter(one -> !mix(one, seen) || merged(one, seen, field, exact) == null)
                    .findFirst()
                    .orElse(chosen.get(0));
            problem(
                "column "
                    + name
                    + " is of type "
                    + typeName(other)
                    + " in file "
                    + other.file()
                    + " and of type "
                    + typeName(seen)
                    + " in file "
                    + seen.file()
                    + " (write it with one type in all files"
                    + dropAdvice(name)
                    + ")");
          }
          return null;
        }
        chosen.add(seen);
        type = both;
      }
    }
    return type;
  }

  /** Timestamps and numbers do not mix. */
  private static boolean mix(Seen one, Seen other) {
    return one.column().nanoseconds() == other.column().nanoseconds();
  }

  private static DataType merged(Seen one, Seen other, ManifestField field, boolean exact) {
    return merged(one.column().type(), other.column().type(), field, exact);
  }

  private static String typeName(Seen seen) {
    return seen.column().nanoseconds()
        ? "timestamp in nanoseconds"
        : nullable(seen.column().type()).simpleString();
  }

  /** Names of columns of timestamps that pass through as whole numbers, in the order of files. */
  List<String> nanoseconds() {
    return columns.values().stream()
        .map(all -> all.keySet().iterator().next())
        .filter(column -> column.nanoseconds() && !isDropped(lower(column.name())))
        .map(ParquetFooter.Column::name)
        .toList();
  }

  private static int rank(Seen seen) {
    if (isEmpty(seen.column().type()) || seen.column().type() == null) {
      return LAST_RANK;
    }
    return seen.column().allNull() ? 1 : 0;
  }

  private static boolean isEmpty(Seen seen) {
    return rank(seen) > 0;
  }

  private static boolean isExact(ParquetFooter.Column column) {
    return !(column.type() instanceof LongType) || column.exact();
  }

  private static Target empty(String name) {
    return new Target(name, DataTypes.StringType, null, true);
  }

  /**
   * The type that holds the values of two types without a change, or null.
   *
   * @param exact whether all 64-bit numbers are exact as doubles
   */
  static DataType merged(DataType one, DataType other, ManifestField field, boolean exact) {
    if (one == null || other == null) {
      return null;
    }
    DataType a = nullable(one);
    DataType b = nullable(other);
    if (a.equals(b) || b instanceof NullType) {
      return a;
    }
    if (a instanceof NullType) {
      return b;
    }
    if (a instanceof ArrayType x && b instanceof ArrayType y) {
      DataType element = merged(x.elementType(), y.elementType(), null, false);
      return element == null || (isNested(element) && !element.equals(x.elementType()))
          ? null
          : DataTypes.createArrayType(element);
    }
    if (field == ManifestField.IMAGE_PATHS) {
      if (a instanceof StringType && b instanceof ArrayType) {
        return merged(DataTypes.createArrayType(a), b, null, false);
      }
      return a instanceof ArrayType && b instanceof StringType ? merged(b, a, field, exact) : null;
    }
    if (field == ManifestField.ID && (a instanceof StringType || b instanceof StringType)) {
      return isWholeNumber(a) || isWholeNumber(b) ? DataTypes.StringType : null;
    }
    return mergedNumbers(a, b, exact);
  }

  private static DataType mergedNumbers(DataType a, DataType b, boolean exact) {
    if (isWhole(a) && isWhole(b)) {
      return digits(a) >= digits(b) ? a : b;
    }
    if (isFloating(a) && isFloating(b)) {
      return DataTypes.DoubleType;
    }
    if ((isFloating(a) && isWhole(b)) || (isWhole(a) && isFloating(b))) {
      DataType whole = isWhole(a) ? a : b;
      return whole instanceof LongType && !exact ? null : DataTypes.DoubleType;
    }
    DecimalType x = decimal(a);
    DecimalType y = decimal(b);
    if (x == null || y == null) {
      return null;
    }
    int scale = Math.max(x.scale(), y.scale());
    int before = Math.max(x.precision() - x.scale(), y.precision() - y.scale());
    return before + scale <= 38 ? DataTypes.createDecimalType(before + scale, scale) : null;
  }

  /** The same type with nulls everywhere, as Spark reads files. */
  private static DataType nullable(DataType type) {
    if (type instanceof ArrayType array) {
      return DataTypes.createArrayType(nullable(array.elementType()), true);
    }
    if (type instanceof MapType map) {
      return DataTypes.createMapType(nullable(map.keyType()), nullable(map.valueType()), true);
    }
    if (type instanceof StructType struct) {
      StructType all = new StructType();
      for (StructField field : struct.fields()) {
        all = all.add(field.name(), nullable(field.dataType()), true, field.metadata());
      }
      return all;
    }
    return type;
  }

  private static boolean isNested(DataType type) {
    return type instanceof StructType || type instanceof MapType || type instanceof ArrayType;
  }

  private static DecimalType decimal(DataType type) {
    if (type instanceof DecimalType decimal) {
      return decimal;
    }
    return isWhole(type) ? DataTypes.createDecimalType(digits(type), 0) : null;
  }

  private static boolean isWhole(DataType type) {
    return type instanceof ByteType
        || type instanceof ShortType
        || type instanceof IntegerType
        || type instanceof LongType;
  }

  /**
   * Whether a type has whole numbers only, such as decimals for the unsigned numbers of Parquet.
   */
  private static boolean isWholeNumber(DataType type) {
    return isWhole(type) || (type instanceof DecimalType decimal && decimal.scale() == 0);
  }

  private static boolean isFloating(DataType type) {
    return type instanceof FloatType || type instanceof DoubleType;
  }

  /** Decimal digits of the largest number of a whole type. */
  private static int digits(DataType type) {
    return type instanceof ByteType
        ? 3
        : type instanceof ShortType ? 5 : type instanceof IntegerType ? 10 : 19;
  }

  /** The type of a field without any value. */
  private static DataType emptyType(ManifestField field) {
    if (field == null) {
      return DataTypes.StringType;
    }
    return switch (field) {
      case PROMPT, IMAGE_PATHS, ID, MASK_PATH -> DataTypes.StringType;
      case SEED, HEIGHT, WIDTH, NUM_INFERENCE_STEPS -> DataTypes.LongType;
      case GUIDANCE_SCALE -> DataTypes.DoubleType;
    };
  }

  /** Whether a type has no values of its own. */
  private static boolean isEmpty(DataType type) {
    return type instanceof NullType
        || (type instanceof ArrayType array && array.elementType() instanceof NullType);
  }

  private boolean isDropped(String lower) {
    return dropped.contains(lower);
  }

  /** Only columns that are no fields of rows can be left out. */
  private String dropAdvice(String name) {
    return options.fieldOf(name) == null ? ", or leave it out with --drop-columns " + name : "";
  }

  private void problem(String text) {
    problems.add(text);
  }

  private static String lower(String name) {
    return name.toLowerCase(Locale.ROOT);
  }
}
