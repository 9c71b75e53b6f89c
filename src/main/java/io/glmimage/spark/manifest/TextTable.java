package io.glmimage.spark.manifest;

import io.glmimage.io.HadoopSettings;
import io.glmimage.manifest.InternalColumns;
import io.glmimage.manifest.ManifestOptions;
import io.glmimage.manifest.TextRow;
import io.glmimage.manifest.TextRows;
import java.io.IOException;
import java.io.Reader;
import java.io.Serializable;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.function.Function;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.util.TaskCompletionListener;

/**
 * Text manifests as tables. One task reads a file from start to end, so that messages can name
 * lines, and quoted values may contain line ends.
 */
final class TextTable {
  private final SparkSession spark;
  private final ManifestOptions options;
  private final List<String> files;
  private final TextRows.Opener format;

  /** Hundreds of settings. As a broadcast, they are not sent again with each step on the rows. */
  private final Broadcast<HadoopSettings> hadoop;

  TextTable(ManifestSource source, List<String> files, TextRows.Opener format) {
    this.spark = source.spark();
    this.options = source.options();
    this.files = files;
    this.format = format;
    this.hadoop =
        JavaSparkContext.fromSparkContext(spark.sparkContext())
            .broadcast(source.storage().settings());
  }

  /** Maps a row on an executor. */
  @FunctionalInterface
  interface RowFunction<T> extends Function<TextRow, T>, Serializable {}

  /**
   * The rows as a table with these columns, and with {@link InternalColumns#PROBLEM} and {@link
   * InternalColumns#FATAL}.
   */
  Dataset<Row> table(List<TextColumn> columns) {
    StructType schema = new StructType();
    for (TextColumn column : columns) {
      schema = schema.add(column.name(), column.type());
    }
    schema =
        schema
            .add(InternalColumns.PROBLEM, DataTypes.StringType)
            .add(InternalColumns.FATAL, DataTypes.StringType);
    ArrayList<TextColumn> values = new ArrayList<>(columns);
    return spark.createDataFrame(map(row -> row(row, values)), schema);
  }

  private static Row row(TextRow row, List<TextColumn> columns) {
    Object[] values = new Object[columns.size() + 2];
    for (int i = 0; i < columns.size(); i++) {
      values[i] = columns.get(i).value(row);
    }
    values[columns.size()] = row.problem();
    values[columns.size() + 1] = row.fatal();
    return RowFactory.create(values);
  }

  /** All rows, each mapped by a function. */
  <T> JavaRDD<T> map(RowFunction<T> function) {
    Broadcast<HadoopSettings> settings = hadoop;
    TextRows.Opener opener = format;
    ManifestOptions names = options;
    return JavaSparkContext.fromSparkContext(spark.sparkContext())
        .parallelize(files, files.size())
        .flatMap(file -> mapped(open(settings.value(), file, opener, names), function));
  }

  private static <T> Iterator<T> mapped(TextRows rows, RowFunction<T> function) {
    return new Iterator<>() {
      @Override
      public boolean hasNext() {
        return rows.hasNext();
      }

      @Override
      public T next() {
        return function.apply(rows.next());
      }
    };
  }

  private static TextRows open(
      HadoopSettings hadoop, String file, TextRows.Opener format, ManifestOptions options)
      throws IOException {
    Reader in = TextFiles.open(hadoop.storage(), file);
    TaskContext.get().addTaskCompletionListener((TaskCompletionListener) context -> close(in));
    return format.open(in, file, options);
  }

  private static void close(Reader in) {
    try {
      in.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
