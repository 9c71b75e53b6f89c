package io.glmimage.spark.manifest;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.row_number;

import io.glmimage.error.UsageException;
import io.glmimage.manifest.ManifestField;
import io.glmimage.manifest.ManifestOptions;
import io.glmimage.output.ResultColumn;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.UUID;
import java.util.regex.Pattern;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.expressions.Window;
import org.apache.spark.sql.types.StructField;

/**
 * A manifest that is a table of a Spark catalog.
 *
 * @param rows the rows, in an order that only depends on their content
 * @param version identifies the content
 */
record TableManifest(Dataset<Row> rows, String version) {
  /** Names that Iceberg reads as a branch, a tag or a snapshot of the table before them. */
  private static final Pattern ICEBERG_REFERENCE =
      Pattern.compile("(branch|tag|snapshot_id|at_timestamp)_.*", Pattern.CASE_INSENSITIVE);

  /**
   * Opens a table. If its format keeps versions, all later reads see the present one.
   *
   * @throws UsageException if there is no such table, or its catalog cannot be used
   */
  static TableManifest open(SparkSession spark, ManifestOptions options) {
    CatalogTable table = CatalogTable.of("--manifest-table", options.path());
    Dataset<Row> rows =
        table
            .open(spark)
            .orElseThrow(
                () ->
                    new UsageException(
                        "Cannot read manifest table "
                            + table.name()
                            + ": "
                            + table.missing(spark)));
    String version = version(spark, table);
    if (version != null) {
      Dataset<Row> pinned =
          spark.sql("SELECT * FROM " + table.quoted() + " VERSION AS OF " + version);
      // A version has the columns of its time; they may have other names since.
      if (pinned.schema().equals(rows.schema())) {
        return new TableManifest(ordered(spark, newest(pinned), options), version);
      }
    }
    // The content is unknown, so the next run must not treat it as unchanged.
    return new TableManifest(ordered(spark, newest(rows), options), UUID.randomUUID().toString());
  }

  /** The present version of an Iceberg or Delta table; null for others and for empty tables. */
  private static String version(SparkSession spark, CatalogTable table) {
    String last = table.parts().get(table.parts().size() - 1);
    String query =
        switch (provider(spark, table)) {
          case "iceberg" ->
              ICEBERG_REFERENCE.matcher(last).matches()
                  ? null
                  : "SELECT snapshot_id FROM " + table.quoted() + ".`refs` WHERE name = 'main'";
          case "delta" -> "DESCRIBE HISTORY " + table.quoted() + " LIMIT 1";
          default -> null;
        };
    if (query == null) {
      return null;
    }
    try {
      List<Row> found = spark.sql(query).collectAsList();
      return found.isEmpty() ? null : String.valueOf(found.get(0).get(0));
    } catch (Exception e) {
      throw new UsageException(
          "Cannot read the version of manifest table " + table.name() + ": " + CatalogTable.why(e),
          e);
    }
  }

  private static String provider(SparkSession spark, CatalogTable table) {
    return spark
        .sql("DESCRIBE TABLE EXTENDED " + table.quoted())
        .filter(col("col_name").equalTo("Provider"))
        .collectAsList()
        .stream()
        .map(row -> row.getString(1).toLowerCase(Locale.ROOT))
        .findFirst()
        .orElse("");
  }

  /** A table that results are appended to has a row for each run; the newest one counts. */
  private static Dataset<Row> newest(Dataset<Row> rows) {
    if (!ResultManifest.is(rows)) {
      return rows;
    }
    String place = "__run_of_row";
    return rows.withColumn(
            place,
            row_number()
                .over(
                    Window.partitionBy(col(ResultColumn.ID.column()))
                        .orderBy(col(ResultColumn.RUN.column()).desc())))
        .filter(col(place).equalTo(1))
        .drop(place);
  }

  /**
   * Tables have no order. Rows without ids that are equal are numbered, so they need one.
   *
   * @return a table of an RDD, which is sorted once: each query of a sorted plan would sort again,
   *     and choose other partitions (see {@link FormatReader})
   */
  private static Dataset<Row> ordered(
      SparkSession spark, Dataset<Row> rows, ManifestOptions options) {
    List<Column> keys = new ArrayList<>();
    List<Column> others = new ArrayList<>();
    for (StructField column : rows.schema().fields()) {
      ManifestField field = options.fieldOf(column.name());
      if (SqlColumns.isComparable(column.dataType())) {
        boolean first = field == ManifestField.ID || field == ManifestField.PROMPT;
        (first ? keys : others).add(SqlColumns.of(column.name()));
      }
    }
    keys.addAll(others);
    Dataset<Row> sorted = rows.orderBy(keys.toArray(Column[]::new));
    return spark.createDataFrame(sorted.javaRDD(), sorted.schema());
  }
}
