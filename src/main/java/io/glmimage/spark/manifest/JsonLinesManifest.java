package io.glmimage.spark.manifest;

import static java.util.function.Predicate.not;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.from_json;

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
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
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
    JavaRDD<String> lines = text.map(row -> (String) row.other(JsonLines.LINE));
    StructType found =
        source
            .spark()
            .read()
            .option(CORRUPT_OPTION, InternalColumns.CORRUPT)
            .json(source.spark().createDataset(lines.rdd(), Encoders.STRING()))
            .schema();
    InternalColumns.check(
        Arrays.stream(found.fieldNames()).filter(not(InternalColumns.CORRUPT::equals)).toList(),
        options.path());
    checkFields(text, Arrays.asList(found.fieldNames()), options);
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

  /** Names a bad line if no line has the fields that each row needs. */
  private static void checkFields(TextTable text, List<String> found, ManifestOptions options) {
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
    Map<String, String> names = new HashMap<>();
    exact.forEach(name -> names.put(name.toLowerCase(Locale.ROOT), name));
    List<StructField> others = new ArrayList<>();
    for (StructField column : found.fields()) {
      if (column.name().equals(InternalColumns.CORRUPT) || exact.contains(column.name())) {
        continue;
      }
      String other = names.put(column.name().toLowerCase(Locale.ROOT), column.name());
      if (other != null) {
        throw new UsageException(
            "Cannot use manifest "
                + options.path()
                + ": some lines have the field "
                + other
                + " and some "
                + column.name()
                + " (use the same capitals in all lines)");
      }
      others.add(column);
    }
    return others;
  }

  private static Dataset<Row> withOthers(Dataset<Row> rows, List<StructField> others) {
    List<Column> columns = new ArrayList<>();
    for (String name : rows.columns()) {
      if (!name.equals(InternalColumns.JSON_LINE)) {
        columns.add(SqlColumns.of(name));
      }
    }
    Column line = col(InternalColumns.JSON_LINE);
    for (StructField other : others) {
      columns.add(line.getField(other.name()).as(other.name()));
    }
    return rows.withColumn(
            InternalColumns.JSON_LINE,
            from_json(
                line,
                DataTypes.createStructType(others),
                Map.of(CORRUPT_OPTION, InternalColumns.CORRUPT)))
        .select(columns.toArray(Column[]::new));
  }
}
