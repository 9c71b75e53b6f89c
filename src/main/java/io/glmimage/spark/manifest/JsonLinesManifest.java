package io.glmimage.spark.manifest;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.from_json;
import static org.apache.spark.sql.functions.lit;

import io.glmimage.error.UsageException;
import io.glmimage.manifest.InternalColumns;
import io.glmimage.manifest.JsonLines;
import io.glmimage.manifest.ManifestField;
import io.glmimage.manifest.ManifestOptions;
import io.glmimage.manifest.TextRow;
import io.glmimage.manifest.TextRows;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
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
  private static final String CORRUPT_OPTION = "columnNameOfCorruptRecord";

  @Override
  public Dataset<Row> read(ManifestSource source) throws IOException {
    ManifestOptions options = source.options();
    List<String> files = source.textFiles();
    TextFiles.checkJsonLines(source.storage(), files, options.columnOf(ManifestField.PROMPT));
    TextTable text = new TextTable(source, files, TextRows::jsonLines);

    // 1. Find the fields and the other columns.
    JsonShapes shapes = new JsonShapes();
    source.spark().sparkContext().register(shapes);
    JavaRDD<String> lines =
        text.map(
                row ->
                    new JsonShapes.Line(
                        (String) row.other(JsonLines.LINE), (String) row.other(JsonLines.PLACE)))
            .mapPartitions(shapes::read);
    StructType inferred =
        source
            .spark()
            .read()
            .option(CORRUPT_OPTION, InternalColumns.CORRUPT)
            .json(source.spark().createDataset(lines.rdd(), Encoders.STRING()))
            .schema();
    Set<String> found = shapes.value().members().keySet();
    InternalColumns.check(found, options.path());
    checkFields(text, found, options);
    List<TextColumn> fields = fields(found, options);
    JsonColumns others =
        new JsonColumns(
            inferred, shapes.value(), fields.stream().map(TextColumn::name).toList(), options);
    others.warnings().forEach(source.warnings());

    // 2. Read the fields, and keep each line for the other columns.
    List<TextColumn> columns = new ArrayList<>(fields);
    columns.add(
        new TextColumn(InternalColumns.JSON_LINE, null, JsonLines.LINE, DataTypes.StringType));
    if (!others.texts().isEmpty()) {
      text = new TextTable(source, files, TextRows.jsonLines(others.texts()));
    }
    Dataset<Row> rows = text.table(columns).drop(InternalColumns.FATAL);

    // 3. Let Spark read the other columns from the lines.
    return withOthers(rows, others);
  }

  /** Names a bad line if no line has the fields that each row needs. */
  private static void checkFields(TextTable text, Set<String> found, ManifestOptions options) {
    for (ManifestField field : List.of(ManifestField.PROMPT, ManifestField.IMAGE_PATHS)) {
      String name = options.columnOf(field);
      if (!found.contains(name)) {
        List<String> bad = text.map(TextRow::problem).filter(Objects::nonNull).take(1);
        if (!bad.isEmpty()) {
          throw new UsageException(
              "Cannot read manifest "
                  + options.path()
                  + ": no readable line has "
                  + name
                  + "; "
                  + bad.get(0));
        }
      }
    }
  }

  private static List<TextColumn> fields(Set<String> names, ManifestOptions options) {
    return Arrays.stream(ManifestField.values())
        .filter(field -> names.contains(options.columnOf(field)))
        .map(field -> TextColumn.of(field, options))
        .toList();
  }

  private static Dataset<Row> withOthers(Dataset<Row> rows, JsonColumns others) {
    List<Column> columns = new ArrayList<>();
    for (String name : rows.columns()) {
      if (!name.equals(InternalColumns.JSON_LINE)) {
        columns.add(SqlColumns.of(name));
      }
    }
    Column line = col(InternalColumns.JSON_LINE);
    for (StructField other : others.passed()) {
      columns.add(line.getField(other.name()).as(other.name()));
    }
    for (String name : others.dropped()) {
      columns.add(lit(null).cast(DataTypes.StringType).as(name));
    }
    Dataset<Row> parsed =
        others.passed().isEmpty()
            ? rows
            : rows.withColumn(
                InternalColumns.JSON_LINE,
                from_json(
                    line,
                    DataTypes.createStructType(others.passed()),
                    Map.of(CORRUPT_OPTION, InternalColumns.CORRUPT)));
    return parsed.select(columns.toArray(Column[]::new));
  }
}
