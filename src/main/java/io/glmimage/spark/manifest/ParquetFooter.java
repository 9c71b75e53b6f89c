package io.glmimage.spark.manifest;

import io.glmimage.error.UsageException;
import io.glmimage.io.Storage;
import io.glmimage.io.StoredFile;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.parquet.format.ColumnChunk;
import org.apache.parquet.format.ColumnMetaData;
import org.apache.parquet.format.Encoding;
import org.apache.parquet.format.FileMetaData;
import org.apache.parquet.format.LogicalType;
import org.apache.parquet.format.RowGroup;
import org.apache.parquet.format.SchemaElement;
import org.apache.parquet.format.Statistics;
import org.apache.parquet.format.Util;
import org.apache.parquet.format.converter.ParquetMetadataConverter;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;
import org.apache.parquet.schema.LogicalTypeAnnotation.TimeUnit;
import org.apache.parquet.schema.LogicalTypeAnnotation.TimestampLogicalTypeAnnotation;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.Type;
import org.apache.spark.sql.execution.datasources.parquet.ParquetToSparkSchemaConverter;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.LongType;
import org.apache.spark.sql.types.MapType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the footer of a Parquet file says about the columns of the file.
 *
 * @param file with its scheme
 * @param rows number of rows
 */
record ParquetFooter(String file, long rows, List<Column> columns) {
  private static final Logger LOG = LoggerFactory.getLogger(ParquetFooter.class);

  /** The start and the end of every Parquet file. */
  private static final String MAGIC = "PAR1";

  /** The length of the footer, and the magic. */
  private static final int TAIL_BYTES = 8;

  /** Most footers are shorter, so they are read at once. */
  private static final int FIRST_READ_BYTES = 1 << 16;

  private static final int LONGEST_FOOTER_BYTES = 1 << 28;
  private static final int HEAD_BYTES = 4096;

  /** Above 2^53, a double does not identify a single whole number. */
  private static final long LARGEST_EXACT_DOUBLE = 1L << 53;

  /** Spark writes the types of its own tables here. */
  private static final String SPARK_SCHEMA = "org.apache.spark.sql.parquet.row.metadata";

  /**
   * A column at the top level.
   *
   * @param read the type with which Spark reads the column; null if Spark cannot read it
   * @param type like {@code read}, but {@code NullType} for values without a type, also in lists
   * @param problem why Spark cannot read the column, or null
   * @param allNull whether no row has a value
   * @param exact whether all whole numbers are exact as doubles
   * @param nanoseconds whether the column holds timestamps that are read as whole numbers
   * @param anyNanoseconds whether such timestamps are in the column or in a part of it
   */
  record Column(
      String name,
      DataType read,
      DataType type,
      String problem,
      boolean allNull,
      boolean exact,
      boolean nanoseconds,
      boolean anyNanoseconds) {}

  /**
   * Reads the footer of a file.
   *
   * @param failure the start of messages
   * @param types Spark's types for those of Parquet
   * @param times whether Spark reads its type TIME, which it has from 4.1 on
   * @throws UsageException if the file is not a whole Parquet file, or if Spark cannot read any of
   *     its columns
   * @throws IOException if the file cannot be read
   */
  static ParquetFooter read(
      Storage storage,
      StoredFile file,
      String failure,
      ParquetToSparkSchemaConverter types,
      boolean times)
      throws IOException {
    byte[] bytes = bytes(storage, file, failure);
    FileMetaData footer;
    try {
      footer = Util.readFileMetaData(new ByteArrayInputStream(bytes));
    } catch (IOException | RuntimeException e) {
      throw new UsageException(
          failure + ": its Parquet footer is damaged; write or copy the file again", e);
    }
    if (footer.getSchemaSize() == 1) {
      throw new UsageException(failure + ": it has no columns; write prompt and image_paths");
    }
    Map<String, List<SchemaElement>> leaves = leaves(footer.getSchema(), failure);
    MessageType schema;
    try {
      schema =
          new ParquetMetadataConverter().fromParquetMetadata(footer).getFileMetaData().getSchema();
    } catch (IOException | RuntimeException e) {
      throw new UsageException(failure + ": its Parquet schema is damaged or too new", e);
    }
    Map<String, DataType> spark = sparkTypes(footer);
    List<Column> columns = new ArrayList<>();
    for (Type field : schema.getFields()) {
      columns.add(
          column(
              field,
              read(field, types, times),
              leaves.get(field.getName()),
              footer.getRow_groups(),
              spark));
    }
    return new ParquetFooter(file.path(), footer.getNum_rows(), columns);
  }

  private static byte[] bytes(Storage storage, StoredFile file, String failure) throws IOException {
    if (file.bytes() == 0) {
      throw new UsageException(
          failure + ": the file is empty (0 bytes); write it again or remove it");
    }
    int first = (int) Math.min(FIRST_READ_BYTES, file.bytes());
    byte[] end = storage.pieces(file.path(), List.of(file.bytes() - first), first);
    String magic =
        end.length < 4 ? "" : new String(end, end.length - 4, 4, StandardCharsets.ISO_8859_1);
    if (!magic.equals(MAGIC) || end.length < TAIL_BYTES + 4) {
      byte[] head = storage.head(file.path(), HEAD_BYTES);
      throw new UsageException(
          failure
              + ": "
              + (magic.equals("PARE") ? ForeignFiles.ENCRYPTED : ForeignFiles.describe(head)));
    }
    long length =
        ByteBuffer.wrap(end).order(ByteOrder.LITTLE_ENDIAN).getInt(end.length - TAIL_BYTES);
    if (length <= 0 || length > LONGEST_FOOTER_BYTES || length + TAIL_BYTES + 4 > file.bytes()) {
      throw new UsageException(
          failure + ": its Parquet footer is damaged; write or copy the file again");
    }
    if (length + TAIL_BYTES > end.length) {
      return storage.pieces(file.path(), List.of(file.bytes() - TAIL_BYTES - length), (int) length);
    }
    int to = end.length - TAIL_BYTES;
    return Arrays.copyOfRange(end, to - (int) length, to);
  }

  /** The leaves of each column at the top level. */
  private static Map<String, List<SchemaElement>> leaves(List<SchemaElement> all, String failure) {
    Map<String, List<SchemaElement>> leaves = new HashMap<>();
    int at = 1;
    while (at < all.size()) {
      String name = all.get(at).getName();
      List<SchemaElement> ofColumn = leaves.computeIfAbsent(name, key -> new ArrayList<>());
      // The tree is written depth first, with the number of children at each group.
      long open = 1;
      while (open > 0 && at < all.size()) {
        SchemaElement element = all.get(at++);
        LogicalType logical = element.getLogicalType();
        if (logical != null && logical.getSetField() == null) {
          throw new UsageException(
              failure
                  + ": column "
                  + name
                  + (isHalf(element) ? " is of type float16" : " is of a type")
                  + ", which this version of Spark does not know, so it cannot read the other"
                  + " columns either; write the file with another type, such as float, or without"
                  + " the column");
        }
        open += element.getNum_children() - 1;
        if (element.getNum_children() == 0) {
          ofColumn.add(element);
        }
      }
    }
    return leaves;
  }

  private static boolean isHalf(SchemaElement element) {
    return element.isSetType_length() && element.getType_length() == 2;
  }

  private static Map<String, DataType> sparkTypes(FileMetaData footer) {
    Map<String, DataType> types = new HashMap<>();
    if (footer.isSetKey_value_metadata()) {
      footer.getKey_value_metadata().stream()
          .filter(entry -> entry.getKey().equals(SPARK_SCHEMA))
          .forEach(
              entry -> {
                try {
                  for (StructField field :
                      ((StructType) DataType.fromJson(entry.getValue())).fields()) {
                    types.put(field.name(), field.dataType());
                  }
                } catch (RuntimeException e) {
                  // As Spark does: types of a newer version, a missing class, or a damaged schema.
                  LOG.warn("Ignoring the Spark schema in a Parquet file: {}", e.toString());
                }
              });
    }
    return types;
  }

  /** The type with which Spark reads a column; null if it cannot. */
  private static DataType read(Type field, ParquetToSparkSchemaConverter types, boolean times) {
    try {
      DataType type = types.convert(new MessageType("column", field)).fields()[0].dataType();
      return times || !hasTime(type) ? type : null;
    } catch (Exception e) {
      // Spark throws checked exceptions that it does not declare.
      return null;
    }
  }

  private static boolean hasTime(DataType type) {
    if (type instanceof ArrayType list) {
      return hasTime(list.elementType());
    }
    if (type instanceof MapType map) {
      return hasTime(map.keyType()) || hasTime(map.valueType());
    }
    if (type instanceof StructType struct) {
      return Arrays.stream(struct.fields()).anyMatch(field -> hasTime(field.dataType()));
    }
    // The class is missing in Spark 3.5 and 4.0, which have no such type.
    return type.typeName().startsWith("time(");
  }

  private static Column column(
      Type field,
      DataType given,
      List<SchemaElement> leaves,
      List<RowGroup> groups,
      Map<String, DataType> spark) {
    String name = field.getName();
    boolean allNull = field.isPrimitive() && !field.isRepetition(Type.Repetition.REPEATED);
    boolean exact = true;
    String problem = null;
    for (RowGroup group : groups) {
      for (ColumnChunk chunk : group.getColumns()) {
        ColumnMetaData data = chunk.getMeta_data();
        if (data == null) {
          problem = "is encrypted";
        } else if (data.getPath_in_schema().get(0).equals(name)) {
          Statistics statistics = data.getStatistics();
          allNull &=
              statistics != null
                  && statistics.isSetNull_count()
                  && statistics.getNull_count() == data.getNum_values();
          exact &= isExact(statistics, data);
          problem = problem == null ? problem(data) : problem;
        }
      }
    }
    DataType read = given;
    if (read == null) {
      problem = "is of the Parquet type " + shown(field) + ", which Spark cannot read";
    }
    String alike = NestedNames.alike(name, read);
    if (alike != null) {
      problem = "has names that differ only in case: " + alike;
    }
    DataType own = spark.get(name);
    if (own != null && read != null && own.typeName().startsWith("interval")) {
      read = own;
    }
    boolean untyped = !leaves.isEmpty() && leaves.stream().allMatch(ParquetFooter::isUntyped);
    DataType type = read;
    if (untyped && field.isPrimitive()) {
      type = DataTypes.NullType;
      problem = null;
    } else if (untyped && read instanceof ArrayType) {
      type = DataTypes.createArrayType(DataTypes.NullType);
    }
    boolean nanoseconds = read instanceof LongType && isNanoseconds(field);
    return new Column(
        name, read, type, problem, allNull, exact, nanoseconds, hasNanoseconds(field));
  }

  private static boolean hasNanoseconds(Type field) {
    return isNanoseconds(field)
        || (!field.isPrimitive()
            && field.asGroupType().getFields().stream().anyMatch(ParquetFooter::hasNanoseconds));
  }

  private static boolean isNanoseconds(Type field) {
    return field.getLogicalTypeAnnotation() instanceof TimestampLogicalTypeAnnotation timestamp
        && timestamp.getUnit() == TimeUnit.NANOS;
  }

  private static String shown(Type field) {
    if (!field.isPrimitive()) {
      return "(" + field.toString().replaceAll("\\s+", " ") + ")";
    }
    return field.asPrimitiveType().getPrimitiveTypeName()
        + (field.getLogicalTypeAnnotation() == null
            ? ""
            : " (" + field.getLogicalTypeAnnotation() + ")");
  }

  private static boolean isUntyped(SchemaElement leaf) {
    return leaf.getLogicalType() != null && leaf.getLogicalType().isSetUNKNOWN();
  }

  private static boolean isExact(Statistics statistics, ColumnMetaData data) {
    if (data.getType() == org.apache.parquet.format.Type.INT32) {
      return true;
    }
    if (data.getType() != org.apache.parquet.format.Type.INT64 || statistics == null) {
      return false;
    }
    if (statistics.isSetNull_count() && statistics.getNull_count() == data.getNum_values()) {
      return true;
    }
    return isExact(statistics.getMin_value()) && isExact(statistics.getMax_value());
  }

  private static boolean isExact(byte[] value) {
    if (value == null || value.length != Long.BYTES) {
      return false;
    }
    long number = ByteBuffer.wrap(value).order(ByteOrder.LITTLE_ENDIAN).getLong();
    return number >= -LARGEST_EXACT_DOUBLE && number <= LARGEST_EXACT_DOUBLE;
  }

  /** Why Spark cannot read a part of a column, or null. */
  private static String problem(ColumnMetaData data) {
    String codec = data.getCodec() == null ? null : data.getCodec().name();
    if (codec == null || !isCodecKnown(codec)) {
      return "is compressed with "
          + (codec == null ? "an unknown codec" : codec)
          + ", which this Spark cannot read";
    }
    if (data.getEncodings() != null && data.getEncodings().contains(Encoding.BYTE_STREAM_SPLIT)) {
      return "has the encoding BYTE_STREAM_SPLIT, which Spark cannot read";
    }
    return null;
  }

  private static boolean isCodecKnown(String codec) {
    String implementation;
    try {
      implementation = CompressionCodecName.valueOf(codec).getHadoopCompressionCodecClassName();
    } catch (IllegalArgumentException e) {
      return false;
    }
    if (implementation == null) {
      return true;
    }
    try {
      Class.forName(implementation, false, ParquetMetadataConverter.class.getClassLoader());
      return true;
    } catch (ClassNotFoundException e) {
      return false;
    }
  }
}
