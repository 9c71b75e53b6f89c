package io.glmimage.spark.manifest;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.concat;
import static org.apache.spark.sql.functions.count;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.when;

import io.glmimage.error.UsageException;
import io.glmimage.manifest.BatchColumn;
import io.glmimage.manifest.InternalColumns;
import io.glmimage.manifest.ManifestField;
import io.glmimage.manifest.TextRows;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.DataTypes;

/**
 * OpenAI batches. As in the API, a batch is refused as a whole in three cases: a line is not a
 * request, a custom_id is repeated, or urls differ.
 */
final class BatchManifest implements FormatReader {
  private static final int SHOWN = 5;

  @Override
  public Dataset<Row> read(ManifestSource source) throws IOException {
    if (!source.options().columns().isEmpty()) {
      throw new UsageException("Invalid --columns: an OpenAI batch has fixed column names");
    }
    List<TextColumn> columns = new ArrayList<>();
    for (ManifestField field : ManifestField.values()) {
      columns.add(TextColumn.of(field, source.options()));
    }
    for (BatchColumn column : BatchColumn.values()) {
      columns.add(
          TextColumn.other(
              column.column(), column.isNumber() ? DataTypes.LongType : DataTypes.StringType));
    }
    List<String> files = source.textFiles();
    TextFiles.checkJsonLines(source.storage(), files, ManifestField.PROMPT.column());
    Dataset<Row> rows = new TextTable(source, files, TextRows::batch).table(columns);
    List<String> problems = problems(rows);
    if (!problems.isEmpty()) {
      throw new UsageException(
          "Cannot use batch " + source.options().path() + ": " + String.join("; ", problems));
    }
    return distinct(rows.drop(InternalColumns.FATAL), source);
  }

  /**
   * Gives the images of a line other ids if another line has one as its {@code custom_id}: more
   * marks before the number, {@code r##1} instead of {@code r#1}.
   */
  private static Dataset<Row> distinct(Dataset<Row> rows, ManifestSource source) {
    String id = source.options().columnOf(ManifestField.ID);
    Dataset<Row> named = rows;
    for (String marks = "##"; ; marks += "#") {
      Object[] twice =
          named
              .filter(col(id).isNotNull())
              .groupBy(id)
              .agg(count(lit(1)).as("rows"))
              .filter(col("rows").gt(1))
              .select(id)
              .as(Encoders.STRING())
              .collectAsList()
              .toArray();
      if (twice.length == 0) {
        return named;
      }
      Column other =
          concat(
              col(BatchColumn.CUSTOM_ID.column()),
              lit(marks),
              col(BatchColumn.IMAGE.column()).cast(DataTypes.StringType));
      Column several = col(BatchColumn.IMAGES.column()).gt(1);
      named =
          named.withColumn(id, when(several.and(col(id).isin(twice)), other).otherwise(col(id)));
    }
  }

  /** Why the batch must be refused; empty if it can be used. */
  private static List<String> problems(Dataset<Row> rows) {
    List<String> problems = new ArrayList<>();
    for (Row row :
        rows.filter(col(InternalColumns.FATAL).isNotNull())
            .select(InternalColumns.FATAL)
            .limit(SHOWN)
            .collectAsList()) {
      problems.add(row.getAs(InternalColumns.FATAL));
    }
    String id = BatchColumn.CUSTOM_ID.column();
    Dataset<Row> lines = rows.filter(col(BatchColumn.IMAGE.column()).equalTo(1));
    for (Row row :
        lines
            .filter(col(id).isNotNull())
            .groupBy(id)
            .agg(count(lit(1)).as("lines"))
            .filter(col("lines").gt(1))
            .orderBy(id)
            .limit(SHOWN)
            .collectAsList()) {
      problems.add("custom_id " + row.getAs(id) + " is on " + row.getAs("lines") + " lines");
    }
    String url = BatchColumn.URL.column();
    if (lines.select(url).filter(col(url).isNotNull()).distinct().limit(2).count() > 1) {
      problems.add("its lines have different urls (make one batch for each url)");
    }
    return problems;
  }
}
