package io.glmimage.spark.manifest;

import static org.apache.spark.sql.functions.coalesce;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.concat;
import static org.apache.spark.sql.functions.concat_ws;
import static org.apache.spark.sql.functions.count;
import static org.apache.spark.sql.functions.least;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.row_number;
import static org.apache.spark.sql.functions.struct;
import static org.apache.spark.sql.functions.substring;
import static org.apache.spark.sql.functions.sum;
import static org.apache.spark.sql.functions.udf;
import static org.apache.spark.sql.functions.when;

import io.glmimage.error.UsageException;
import io.glmimage.error.Wording;
import io.glmimage.manifest.InternalColumns;
import io.glmimage.manifest.ManifestField;
import io.glmimage.manifest.ManifestSchema;
import io.glmimage.manifest.RowIds;
import io.glmimage.manifest.RowReader;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.api.java.UDF3;
import org.apache.spark.sql.expressions.UserDefinedFunction;
import org.apache.spark.sql.expressions.Window;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StringType;
import org.apache.spark.sql.types.StructField;

/**
 * The rows of a manifest with their ids. A row either gives its id itself or is named after its
 * content; equal rows without ids are numbered in the order of the manifest.
 */
public final class IdentifiedRows {
  private static final int SHOWN_DUPLICATES = 5;

  /** Longer texts are cut in messages. */
  private static final int SHOWN_CHARS = 60;

  private static final Column KEY = col(InternalColumns.KEY);

  /** The check of a row in the plans of Spark. */
  static final String CHECK_ROW = "check_row";

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
   * <p>All steps are expressions of Spark SQL, which Spark RAPIDS can run on a GPU, with one
   * exception: ids of rows that give none are made from their content, row by row.
   *
   * @throws UsageException if two rows have the same id
   */
  static IdentifiedRows of(ManifestTable manifest) {
    RowKeys keys = RowKeys.of(manifest, fields(manifest));

    // 1. Count the rows. Most large manifests have an id in each row, so its key is not computed.
    Dataset<Row> keyed = keyed(manifest);
    KeyCounts counts = KeyCounts.of(keyed);
    if (counts.named() < counts.rows() && hasIds(manifest)) {
      keyed = keyed(manifest, keys.key(), keys);
      counts = KeyCounts.of(keyed);
    }
    if (!counts.repeated()) {
      return new IdentifiedRows(
          manifest,
          counts.partitions().index(keyed).withColumn(InternalColumns.ID, KEY),
          counts.rows(),
          counts.textToImage());
    }

    // 2. Some keys are equal, or their hashes. Only the keys are shuffled, and nothing is sorted.
    Dataset<Row> names =
        keyed
            .groupBy(KEY)
            .agg(count(lit(1)).as("n"), sum(col(InternalColumns.NAMED).cast("long")).as("named"));
    Column again = col("n").minus(1);
    // A row with a given id must not share it with any other row.
    Column clash = col("n").gt(1).and(col("named").gt(0));
    Row clashes = names.agg(sum(when(clash, least(again, col("named"))).otherwise(0))).head();
    if (clashes.getLong(0) > 0) {
      throw repeatedIds(manifest, names.filter(clash), clashes.getLong(0));
    }
    return new IdentifiedRows(
        manifest,
        numbered(PartitionCounts.of(manifest.rows()).index(keyed)),
        counts.rows(),
        counts.textToImage());
  }

  private static UsageException repeatedIds(
      ManifestTable manifest, Dataset<Row> clashes, long repeated) {
    List<String> examples = new ArrayList<>();
    for (Row row : clashes.select(KEY).orderBy(KEY).limit(SHOWN_DUPLICATES + 1).collectAsList()) {
      examples.add(Wording.oneLine(row.getString(0)));
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

  private static boolean hasIds(ManifestTable manifest) {
    return manifest.schema().position(ManifestField.ID) >= 0;
  }

  /** The rows for a count that assumes that either all rows have their own ids or none has. */
  static Dataset<Row> keyed(ManifestTable manifest) {
    RowKeys keys = RowKeys.of(manifest, fields(manifest));
    return keyed(manifest, hasIds(manifest) ? keys.own() : keys.key(), keys);
  }

  /** Adds the key of each row, whether it is the row's own id, and whether it has no source. */
  private static Dataset<Row> keyed(ManifestTable manifest, Column key, RowKeys keys) {
    List<Column> columns = new ArrayList<>();
    for (String name : manifest.rows().columns()) {
      columns.add(SqlColumns.of(name));
    }
    columns.add(key.as(InternalColumns.KEY));
    columns.add(keys.own().isNotNull().as(InternalColumns.NAMED));
    columns.add(keys.textToImage().as(InternalColumns.TEXT_ONLY));
    return manifest.rows().select(columns.toArray(Column[]::new));
  }

  /** Gives ids to rows of which some have the same content; see {@link RowIds#numbered}. */
  private static Dataset<Row> numbered(Dataset<Row> keyed) {
    Column copy = col(InternalColumns.COPY);
    // The order of the manifest does not depend on partitions.
    return keyed
        .withColumn(
            InternalColumns.COPY,
            row_number().over(Window.partitionBy(KEY).orderBy(col(InternalColumns.INDEX))))
        .withColumn(
            InternalColumns.ID,
            when(copy.equalTo(1), KEY).otherwise(concat_ws("-", KEY, copy.cast("string"))));
  }

  /** The manifest of these rows. */
  public ManifestTable manifest() {
    return manifest;
  }

  /** What the user should know before the rows are edited. */
  public List<String> notes() {
    List<String> notes = new ArrayList<>();
    manifest.warnings().forEach(warning -> notes.add("Warning: " + warning));
    if (size == 0) {
      notes.add(
          "Warning: the manifest has no rows, so there is nothing to edit (was it written to its"
              + " end?)");
    }
    if (textToImage > 0) {
      String note =
          Wording.count(textToImage, "row")
              + " of "
              + size
              + (textToImage == 1 ? " has" : " have")
              + " no source image (text-to-image)";
      // In a manifest of edits, a missing path is often a mistake.
      notes.add(
          textToImage == size
              ? note
              : "Warning: "
                  + note
                  + "; if these should be edits, fill in "
                  + manifest.columnOf(ManifestField.IMAGE_PATHS));
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
   * <p>The check is a function that is called row by row, on a CPU: it makes seeds and fingerprints
   * with SHA-256, and messages. Everything before it and after it are expressions.
   *
   * @param modelAndOptions identifies the model and all options that determine an edited image
   */
  public Dataset<Row> planned(String modelAndOptions) {
    RowReader reader = manifest.reader();
    UserDefinedFunction plan =
        udf(
                (UDF3<Row, Long, String, Row>)
                    (fields, index, id) ->
                        PlannedRow.of(
                                reader.read(
                                    PartitionCounts.checked(index), id, RowFields.ofStruct(fields)),
                                modelAndOptions)
                            .toRow(),
                PlannedRow.SCHEMA)
            .withName(CHECK_ROW);
    Column planned =
        plan.apply(fields(manifest), col(InternalColumns.INDEX), col(InternalColumns.ID))
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
      before.add(SqlColumns.of(field.name()));
      after.add(SqlColumns.of(field.name()));
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
    Map<Integer, Column> replaced = new HashMap<>();
    replaced.put(position(ManifestField.ID), col(InternalColumns.ID));
    replaced.put(position(ManifestField.IMAGE_PATHS), resolved.apply(fields(manifest)));
    replaced.put(position(ManifestField.MASK_PATH), resolvedMask.apply(fields(manifest)));
    List<Column> columns = new ArrayList<>();
    String[] names = manifest.rows().columns();
    for (int i = 0; i < names.length; i++) {
      Column column = replaced.containsKey(i) ? replaced.get(i) : SqlColumns.of(names[i]);
      columns.add(column.as(names[i]));
    }
    if (position(ManifestField.ID) < 0) {
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

  /** The position of a field among the columns of the manifest; negative if there is none. */
  private int position(ManifestField field) {
    return manifest.schema().position(field);
  }

  /** A struct with a column for each field and for the problem of the row. */
  private static Column fields(ManifestTable manifest) {
    String[] columns = manifest.rows().columns();
    ManifestSchema schema = manifest.schema();
    List<Column> fields = new ArrayList<>();
    for (ManifestField field : ManifestField.values()) {
      fields.add(column(columns, schema.position(field)).as(field.column()));
    }
    Column problem = column(columns, schema.problemPosition());
    for (ManifestField field : List.of(ManifestField.ID, ManifestField.PROMPT)) {
      int position = schema.position(field);
      if (position >= 0
          && manifest.rows().schema().apply(position).dataType() instanceof StringType) {
        problem = coalesce(problem, notUtf8(SqlColumns.of(columns[position]), field));
      }
    }
    fields.add(problem.as(InternalColumns.PROBLEM));
    return struct(fields.toArray(Column[]::new));
  }

  private static Column notUtf8(Column text, ManifestField field) {
    return when(
        VisibleText.isNotUtf8(text),
        concat(
            lit("its " + field.column() + " has bytes that are not UTF-8: "),
            substring(text, 1, SHOWN_CHARS),
            lit(" (write it again as UTF-8)")));
  }

  private static Column column(String[] columns, int position) {
    return position < 0 ? lit(null).cast(DataTypes.StringType) : SqlColumns.of(columns[position]);
  }
}
