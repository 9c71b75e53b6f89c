package io.glmimage.spark.results;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.count;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.struct;

import io.glmimage.error.JobException;
import io.glmimage.error.UsageException;
import io.glmimage.output.ResultColumn;
import io.glmimage.spark.manifest.CatalogTable;
import io.glmimage.spark.manifest.SqlColumns;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import java.util.stream.Collectors;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.CreateTableWriter;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/**
 * Copies the result table of a run into a table of a Spark catalog. Only rows that the table lacks
 * are written, so a run that is repeated after an interruption writes each row once.
 */
public final class CatalogResults {
  private static final String ID = ResultColumn.ID.column();
  private static final String RUN = ResultColumn.RUN.column();
  private static final String SPARK_CATALOG = "spark_catalog";
  private static final String DEFAULT_FORMAT = "spark.sql.sources.default";
  private static final String REMOVED = "it was removed while the job ran";
  private static final String UNPLANNED = "Error occurred during query planning";

  /** How rows are added to a table that has rows. */
  public enum Mode {
    /** One row for each row and run. */
    APPEND,
    /** One row for each id: the newest. */
    MERGE
  }

  private final SparkSession spark;
  private final CatalogTable table;
  private final Mode mode;

  public CatalogResults(SparkSession spark, CatalogTable table, Mode mode) {
    this.spark = spark;
    this.table = table;
    this.mode = mode;
  }

  /**
   * Checks that the table, if there is one, takes result rows.
   *
   * @param passedThrough the columns of the manifest that follow those of results
   * @throws UsageException before any work, if rows could not be written later
   */
  public void check(StructType passedThrough) {
    table.open(spark).ifPresent(rows -> check(rows, ResultsTable.schema(passedThrough)));
  }

  /**
   * Creates the table if there is none.
   *
   * @throws UsageException if it cannot be created, or takes no result rows
   */
  public void create(StructType passedThrough) {
    if (table.open(spark).isPresent()) {
      return;
    }
    StructType schema = ResultsTable.schema(passedThrough);
    try {
      CreateTableWriter<Row> writer =
          spark.createDataFrame(List.of(), schema).writeTo(table.quoted());
      // Without a format, Spark's own catalog makes Hive tables.
      (isInSparkCatalog() ? writer.using(spark.conf().get(DEFAULT_FORMAT)) : writer).create();
    } catch (Exception e) {
      // Spark throws checked exceptions that it does not declare.
      throw new UsageException(
          "Cannot create results table " + table.name() + ": " + CatalogTable.why(e), e);
    }
    check(
        table
            .open(spark)
            .orElseThrow(
                () ->
                    new JobException("Cannot open results table " + table.name() + ": " + REMOVED)),
        schema);
  }

  private boolean isInSparkCatalog() {
    String catalog =
        table.parts().size() > 2 ? table.parts().get(0) : spark.catalog().currentCatalog();
    return catalog.equals(SPARK_CATALOG);
  }

  private void check(Dataset<Row> present, StructType schema) {
    List<String> lacking = new ArrayList<>();
    for (StructField field : schema.fields()) {
      if (SqlColumns.field(present.schema(), field.name()) == null) {
        lacking.add(field.name() + " " + field.dataType().simpleString());
      }
    }
    if (!lacking.isEmpty()) {
      throw new UsageException(
          "Cannot write results table "
              + table.name()
              + ": it lacks the columns "
              + String.join(", ", lacking)
              + " (ALTER TABLE "
              + table.name()
              + " ADD COLUMNS (...); columns of the manifest can be left out with --drop-columns)");
    }
    try {
      explain(spark.createDataFrame(List.of(), schema), present.schema());
    } catch (Exception e) {
      throw new UsageException(
          "Cannot write results table "
              + table.name()
              + ": "
              + CatalogTable.why(e)
              + (mode == Mode.MERGE && present.schema().length() >= schema.length()
                  ? " (a table that cannot be merged into takes --results-table-mode append)"
                  : ""),
          e);
    }
    if (mode == Mode.MERGE) {
      checkIds(present);
    }
  }

  /** Spark plans the statement without running it. */
  private void explain(Dataset<Row> none, StructType columns) {
    String view = view(arranged(none, columns));
    try {
      String plan =
          spark.sql("EXPLAIN " + statement(view, columns)).collectAsList().stream()
              .map(row -> row.getString(0))
              .collect(Collectors.joining("\n"));
      if (plan.contains(UNPLANNED)) {
        throw new UsageException(
            plan.substring(plan.indexOf(UNPLANNED) + UNPLANNED.length())
                .lines()
                .map(String::strip)
                .filter(line -> line.length() > 1)
                .findFirst()
                .orElse(UNPLANNED));
      }
    } finally {
      spark.catalog().dropTempView(view);
    }
  }

  private void checkIds(Dataset<Row> present) {
    List<Row> twice =
        present
            .groupBy(value(present, ID))
            .agg(count(lit(1)).as("n"))
            .filter(col("n").gt(1))
            .limit(1)
            .collectAsList();
    if (!twice.isEmpty()) {
      throw new UsageException(
          "Cannot merge into results table "
              + table.name()
              + ": it has "
              + twice.get(0).get(1)
              + " rows with the id "
              + twice.get(0).get(0)
              + " (give --results-table-mode append, or another table)");
    }
  }

  /**
   * Writes the result rows that the table lacks.
   *
   * @return the number of rows that were written
   * @throws JobException if they cannot be written; a repeated run writes them
   */
  public long write(ResultsTable results) {
    try {
      // The message is completed below.
      Dataset<Row> present = table.open(spark).orElseThrow(() -> new JobException(REMOVED));
      StructType columns = present.schema();
      Dataset<Row> rows = arranged(results.rows(), columns);
      Column sameId = value(rows, ID).equalTo(value(present, ID));
      Column same =
          mode == Mode.APPEND
              ? value(rows, RUN).eqNullSafe(value(present, RUN))
              : values(rows, columns).eqNullSafe(values(present, columns));
      Dataset<Row> lacking = rows.join(present, sameId.and(same), "left_anti").cache();
      String view = view(lacking);
      try {
        long size = lacking.count();
        if (size > 0) {
          spark.sql(statement(view, columns));
        }
        return size;
      } finally {
        spark.catalog().dropTempView(view);
        lacking.unpersist();
      }
    } catch (Exception e) {
      throw new JobException(
          "Cannot write results table "
              + table.name()
              + ": "
              + CatalogTable.why(e)
              + "; all rows are in the output folder: run the same command again to write only the"
              + " table",
          e);
    }
  }

  /** Inserts or merges the rows of a view that has the columns of the table. */
  private String statement(String view, StructType columns) {
    List<String> names = Arrays.stream(columns.fieldNames()).map(SqlColumns::quoted).toList();
    String into = table.quoted();
    if (mode == Mode.APPEND) {
      return "INSERT INTO " + into + " SELECT " + String.join(", ", names) + " FROM " + view;
    }
    String id = SqlColumns.quoted(SqlColumns.field(columns, ID).name());
    return "MERGE INTO "
        + into
        + " AS kept USING "
        + view
        + " AS made ON kept."
        + id
        + " = made."
        + id
        + " WHEN MATCHED THEN UPDATE SET "
        + names.stream().map(name -> name + " = made." + name).collect(Collectors.joining(", "))
        + " WHEN NOT MATCHED THEN INSERT ("
        + String.join(", ", names)
        + ") VALUES ("
        + names.stream().map(name -> "made." + name).collect(Collectors.joining(", "))
        + ")";
  }

  /** The rows with the columns of the table, in its order; columns that they lack are null. */
  private static Dataset<Row> arranged(Dataset<Row> rows, StructType columns) {
    Column[] selected =
        Arrays.stream(columns.fields())
            .map(
                field -> {
                  StructField given = SqlColumns.field(rows.schema(), field.name());
                  return given == null
                      ? lit(null).cast(field.dataType()).as(field.name())
                      : SqlColumns.of(given.name()).as(field.name());
                })
            .toArray(Column[]::new);
    return rows.select(selected);
  }

  private static String view(Dataset<Row> rows) {
    String name = "glm_image_results_" + UUID.randomUUID().toString().replace('-', '_');
    rows.createOrReplaceTempView(name);
    return name;
  }

  private static Column value(Dataset<Row> rows, String name) {
    return rows.col(SqlColumns.quoted(SqlColumns.field(rows.schema(), name).name()));
  }

  /** All values that can be compared, in one struct. */
  private static Column values(Dataset<Row> rows, StructType columns) {
    return struct(
        Arrays.stream(columns.fields())
            .filter(field -> SqlColumns.isComparable(field.dataType()))
            .map(field -> rows.col(SqlColumns.quoted(field.name())))
            .toArray(Column[]::new));
  }
}
