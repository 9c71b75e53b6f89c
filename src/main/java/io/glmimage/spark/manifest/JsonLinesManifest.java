package io.glmimage.spark.manifest;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.from_json;

import io.glmimage.error.UsageException;
import io.glmimage.manifest.InternalColumns;
import io.glmimage.manifest.JsonLines;
import io.glmimage.manifest.ManifestField;
import io.glmimage.manifest.ManifestOptions;
import io.glmimage.manifest.TextRows;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/** JSON Lines manifests. Spark infers the columns that pass through, and their types. */
final class JsonLinesManifest implements FormatReader {
  /** Column that Spark adds when it infers the types of broken lines. */
  private static final String CORRUPT = "_corrupt_record";

  @Override
  public Dataset<Row> read(ManifestSource source) throws IOException {
    ManifestOptions options = source.options();
    List<String> files = source.textFiles();
    TextFiles.checkJsonLines(source.storage(), files, options.columnOf(ManifestField.PROMPT));
    TextTable text = new TextTable(source.spark(), files, TextRows::jsonLines, options);

    // 1. Find the fields and the other columns.
    JavaRDD<String> lines = text.map(row -> (String) row.other(JsonLines.LINE));
    StructType found =
        source
            .spark()
            .read()
            .json(source.spark().createDataset(lines.rdd(), Encoders.STRING()))
            .schema();
    List<TextColumn> fields = fields(found, options);
    List<StructField> others = others(found, fields, options);

    // 2. Read the fields, and keep each line for the other columns.
    List<TextColumn> columns = new ArrayList<>(fields);
    columns.add(
        new TextColumn(InternalColumns.JSON_LINE, null, JsonLines.LINE, DataTypes.StringType));
    Dataset<Row> rows = text.table(columns).drop(InternalColumns.FATAL);

    // 3. Let Spark read the other columns from the lines.
    return others.isEmpty() ? rows.drop(InternalColumns.JSON_LINE) : withOthers(rows, others);
  }

  private static List<TextColumn> fields(StructType found, ManifestOptions options) {
    List<String> names = Arrays.asList(found.fieldNames());
    return Arrays.stream(ManifestField.values())
        .filter(field -> names.contains(options.columnOf(field)))
        .map(field -> TextColumn.of(field, options))
        .toList();
  }

  private static List<StructField> others(
      StructType found, List<TextColumn> fields, ManifestOptions options) {
    List<String> exact = fields.stream().map(TextColumn::name).toList();
    Set<String> names = new HashSet<>();
    exact.forEach(name -> names.add(name.toLowerCase(Locale.ROOT)));
    List<StructField> others = new ArrayList<>();
    for (StructField column : found.fields()) {
      if (column.name().equals(CORRUPT) || exact.contains(column.name())) {
        continue;
      }
      if (!names.add(column.name().toLowerCase(Locale.ROOT))) {
        throw new UsageException(
            "Cannot use manifest "
                + options.path()
                + ": the field "
                + column.name()
                + " is written in different ways (use the same capitals in all lines)");
      }
      others.add(column);
    }
    return others;
  }

  private static Dataset<Row> withOthers(Dataset<Row> rows, List<StructField> others) {
    List<Column> columns = new ArrayList<>();
    for (String name : rows.columns()) {
      if (!name.equals(InternalColumns.JSON_LINE)) {
        columns.add(ManifestTable.quoted(name));
      }
    }
    Column line = col(InternalColumns.JSON_LINE);
    for (StructField other : others) {
      columns.add(line.getField(other.name()).as(other.name()));
    }
    return rows.withColumn(
            InternalColumns.JSON_LINE, from_json(line, DataTypes.createStructType(others)))
        .select(columns.toArray(Column[]::new));
  }
}
