package io.glmimage.spark.manifest;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.count;
import static org.apache.spark.sql.functions.least;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.max;
import static org.apache.spark.sql.functions.row_number;
import static org.apache.spark.sql.functions.struct;
import static org.apache.spark.sql.functions.sum;
import static org.apache.spark.sql.functions.udf;
import static org.apache.spark.sql.functions.when;
import static org.apache.spark.sql.functions.xxhash64;

import io.glmimage.error.UsageException;
import io.glmimage.error.Wording;
import io.glmimage.manifest.FieldValues;
import io.glmimage.manifest.InternalColumns;
import io.glmimage.manifest.ManifestField;
import io.glmimage.manifest.ManifestSchema;
import io.glmimage.manifest.RowIds;
import io.glmimage.manifest.RowReader;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.api.java.UDF2;
import org.apache.spark.sql.api.java.UDF3;
import org.apache.spark.sql.expressions.UserDefinedFunction;
import org.apache.spark.sql.expressions.Window;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/**
 * The rows of a manifest with their ids. A row either gives its id itself or is named after its
 * content; equal rows without ids are numbered in the order of the manifest.
 */
public final class IdentifiedRows {
  private static final int SHOWN_DUPLICATES = 5;

  private final ManifestTable manifest;
  private final Dataset<Row> rows;
  private final long size;
  private final long textToImage;

  /**
   * @param rows the columns of the manifest, index and id
   */
  private IdentifiedRows(ManifestTable manifest, Dataset<Row> rows, long size, long textToImage) {
    this.manifest = manifest;
    this.rows = rows;
    this.size = size;
    this.textToImage = textToImage;
  }

  /**
   * Counts the rows of a manifest and gives each an id.
   *
   * @throws UsageException if two rows have the same id
   */
  static IdentifiedRows of(ManifestTable manifest) {
    Dataset<Row> keyed = keyed(manifest);
    // The hashes of millions of keys need far less memory than the keys. They nearly always differ.
    Row hashes =
        keyed
            .groupBy(xxhash64(col(InternalColumns.KEY)).as("hash"))
            .agg(
                count(lit(1)).as("n"),
                sum(col(InternalColumns.TEXT_ONLY).cast(DataTypes.LongType)).as("text"))
            .agg(sum(col("n")), max(col("n")), sum(col("text")))
            .head();
    if (hashes.isNullAt(0) || hashes.getLong(1) == 1) {
      long size = hashes.isNullAt(0) ? 0 : hashes.getLong(0);
      return new IdentifiedRows(
          manifest,
          keyed.withColumn(InternalColumns.ID, col(InternalColumns.KEY)),
          size,
          hashes.isNullAt(2) ? 0 : hashes.getLong(2));
    }
    // Only the keys are shuffled here, and nothing is sorted.
    Dataset<Row> names =
        keyed
            .groupBy(col(InternalColumns.KEY))
            .agg(
                count(lit(1)).as("n"),
                sum(col(InternalColumns.NAMED).cast(DataTypes.LongType)).as("named"));
    Column again = col("n").minus(1);
    // A row with a given id must not share it with any other row.
    Column clash = col("n").gt(1).and(col("named").gt(0));
    Row counts =
        names.agg(sum(col("n")), sum(when(clash, least(again, col("named"))).otherwise(0))).head();
    if (counts.getLong(1) > 0) {
      throw repeatedIds(manifest, names.filter(clash), counts.getLong(1));
    }
    return new IdentifiedRows(manifest, numbered(keyed), counts.getLong(0), hashes.getLong(2));
  }

  private static UsageException repeatedIds(
      ManifestTable manifest, Dataset<Row> clashes, long repeated) {
    List<String> examples = new ArrayList<>();
    for (Row row :
        clashes
            .select(col(InternalColumns.KEY))
            .orderBy(col(InternalColumns.KEY))
            .limit(SHOWN_DUPLICATES + 1)
            .collectAsList()) {
      examples.add(row.getString(0));
    }
    if (examples.size() > SHOWN_DUPLICATES) {
      examples.set(SHOWN_DUPLICATES, "...");
    }
    return new UsageException(
        "Cannot use manifest "
            + manifest.path()
            + ": "
            + (repeated == 1 ? "1 row has" : repeated + " rows have")
            + " the id of an earlier row ("
            + String.join(", ", examples)
            + "); ids name the edited images, so make them unique");
  }

  /** Adds the index and the key of each row, and whether the key is the row's own id. */
  private static Dataset<Row> keyed(ManifestTable manifest) {
    Dataset<Row> rows = manifest.rows();
    RowReader reader = manifest.reader();
    ManifestSchema schema = manifest.schema();
    StructType columns =
        rows.schema()
            .add(InternalColumns.INDEX, DataTypes.LongType, false)
            .add(InternalColumns.KEY, DataTypes.StringType, false)
            .add(InternalColumns.NAMED, DataTypes.BooleanType, false)
            .add(InternalColumns.TEXT_ONLY, DataTypes.BooleanType, false);
    JavaRDD<Row> keyed =
        rows.javaRDD()
            .zipWithIndex()
            .map(
                pair -> {
                  Row row = pair._1();
                  int size = row.size();
                  Object[] values = new Object[size + 4];
                  for (int i = 0; i < size; i++) {
                    values[i] = row.get(i);
                  }
                  FieldValues fields = new RowFields(row, schema);
                  values[size] = pair._2();
                  values[size + 1] = reader.key(fields);
                  values[size + 2] = reader.namesItself(fields);
                  values[size + 3] = reader.isTextToImage(fields);
                  return RowFactory.create(values);
                });
    return rows.sparkSession().createDataFrame(keyed, columns);
  }

  /** Gives ids to rows of which some have the same content. */
  private static Dataset<Row> numbered(Dataset<Row> keyed) {
    UserDefinedFunction id =
        udf((UDF2<String, Integer, String>) RowIds::numbered, DataTypes.StringType);
    // The order of the manifest does not depend on partitions.
    return keyed
        .withColumn(
            InternalColumns.COPY,
            row_number()
                .over(
                    Window.partitionBy(col(InternalColumns.KEY))
                        .orderBy(col(InternalColumns.INDEX))))
        .withColumn(
            InternalColumns.ID, id.apply(col(InternalColumns.KEY), col(InternalColumns.COPY)));
  }

  /** The manifest of these rows. */
  public ManifestTable manifest() {
    return manifest;
  }

  /** What the user should know before the rows are edited. */
  public List<String> notes() {
    List<String> notes = new ArrayList<>();
    manifest.warnings().forEach(warning -> notes.add("Warning: " + warning));
    if (textToImage > 0) {
      notes.add(
          Wording.count(textToImage, "row")
              + " of "
              + size
              + (textToImage == 1 ? " has" : " have")
              + " no source image (text-to-image)");
    }
    return notes;
  }

  /** Number of rows without a source image. */
  public long textToImage() {
    return textToImage;
  }

  /** Number of rows. */
  public long size() {
    return size;
  }

  /**
   * Reads and checks the rows. The result has the columns of {@link PlannedRow} and the columns of
   * the manifest that pass through to the result table. Rows are read whenever the result is
   * computed: persist it to read them once.
   *
   * @param model digest of the model
   */
  public Dataset<Row> planned(String model) {
    RowReader reader = manifest.reader();
    UserDefinedFunction plan =
        udf(
            (UDF3<Row, Long, String, Row>)
                (fields, index, id) ->
                    PlannedRow.of(reader.read(index, id, RowFields.ofStruct(fields)), model)
                        .toRow(),
            PlannedRow.SCHEMA);
    Column planned =
        plan.apply(fields(), col(InternalColumns.INDEX), col(InternalColumns.ID))
            .as(InternalColumns.PLANNED);
    Column index = col(InternalColumns.INDEX);
    Column id = col(InternalColumns.ID);
    List<Column> before = new ArrayList<>(List.of(index, id, planned));
    List<Column> after =
        new ArrayList<>(
            List.of(
                index,
                id,
                col(InternalColumns.PLANNED + "." + InternalColumns.FINGERPRINT),
                col(InternalColumns.PLANNED + "." + InternalColumns.ROW)));
    for (StructField field : manifest.passedThrough().fields()) {
      before.add(ManifestTable.quoted(field.name()));
      after.add(ManifestTable.quoted(field.name()));
    }
    return rows.select(before.toArray(Column[]::new)).select(after.toArray(Column[]::new));
  }

  /**
   * A manifest of some of the rows that gives the same edited images in any folder: with ids, and
   * with absolute image paths.
   *
   * @param ids a table with one column of ids
   * @param files number of files of the new manifest
   */
  public Dataset<Row> subset(Dataset<Row> ids, int files) {
    RowReader reader = manifest.reader();
    UserDefinedFunction resolved =
        udf(
            (UDF1<Row, String[]>)
                fields -> reader.sources(RowFields.ofStruct(fields)).toArray(String[]::new),
            DataTypes.createArrayType(DataTypes.StringType));
    UserDefinedFunction resolvedMask =
        udf(
            (UDF1<Row, String>) fields -> reader.mask(RowFields.ofStruct(fields)),
            DataTypes.StringType);
    int id = manifest.schema().position(ManifestField.ID);
    int mask = manifest.schema().position(ManifestField.MASK_PATH);
    int paths = manifest.schema().position(ManifestField.IMAGE_PATHS);
    List<Column> columns = new ArrayList<>();
    String[] names = manifest.rows().columns();
    for (int i = 0; i < names.length; i++) {
      Column column =
          i == id
              ? col(InternalColumns.ID)
              : i == paths
                  ? resolved.apply(fields())
                  : i == mask ? resolvedMask.apply(fields()) : ManifestTable.quoted(names[i]);
      columns.add(column.as(names[i]));
    }
    if (id < 0) {
      columns.add(col(InternalColumns.ID).as(ManifestField.ID.column()));
    }
    Column wanted = col(InternalColumns.RESULT_ID);
    return rows.join(
            ids.select(col(ids.columns()[0]).as(InternalColumns.RESULT_ID)),
            col(InternalColumns.ID).equalTo(wanted),
            "left_semi")
        .repartitionByRange(files, col(InternalColumns.INDEX))
        .sortWithinPartitions(col(InternalColumns.INDEX))
        .select(columns.toArray(Column[]::new));
  }

  /** A struct with a column for each field and for the problem of the row. */
  private Column fields() {
    String[] columns = manifest.rows().columns();
    ManifestSchema schema = manifest.schema();
    List<Column> fields = new ArrayList<>();
    for (ManifestField field : ManifestField.values()) {
      fields.add(column(columns, schema.position(field)).as(field.column()));
    }
    fields.add(column(columns, schema.problemPosition()).as(InternalColumns.PROBLEM));
    return struct(fields.toArray(Column[]::new));
  }

  private static Column column(String[] columns, int position) {
    return position < 0
        ? lit(null).cast(DataTypes.StringType)
        : ManifestTable.quoted(columns[position]);
  }
}
