package io.glmimage.spark.manifest;

import io.glmimage.error.UsageException;
import io.glmimage.manifest.InternalColumns;
import io.glmimage.manifest.ManifestField;
import io.glmimage.manifest.TextRows;
import java.io.IOException;
import java.io.Reader;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.DataTypes;

/** CSV and TSV manifests. All files must have the same header. */
final class CsvManifest implements FormatReader {
  private final char separator;

  CsvManifest(char separator) {
    this.separator = separator;
  }

  @Override
  public Dataset<Row> read(ManifestSource source) throws IOException {
    List<String> files = source.textFiles();
    List<TextColumn> columns = new ArrayList<>();
    List<String> header = header(source, files);
    InternalColumns.check(header, source.options().path());
    for (String name : header) {
      ManifestField field = source.options().fieldOf(name);
      columns.add(
          field == null
              ? TextColumn.other(name, DataTypes.StringType)
              : TextColumn.of(field, source.options()));
    }
    TextRows.Opener format = TextRows.separatedBy(separator);
    return new TextTable(source, files, format).table(columns).drop(InternalColumns.FATAL);
  }

  private List<String> header(ManifestSource source, List<String> files) throws IOException {
    List<String> first = header(source, files.get(0));
    ParallelReads.forEach(
        files.subList(1, files.size()),
        file -> Map.entry(file, header(source, file)),
        other -> {
          if (!other.getValue().equals(first)) {
            throw new UsageException(
                "Cannot read manifest "
                    + source.options().path()
                    + ": "
                    + other.getKey()
                    + " has the columns "
                    + other.getValue()
                    + ", "
                    + files.get(0)
                    + " has "
                    + first);
          }
        });
    return first;
  }

  private List<String> header(ManifestSource source, String file) throws IOException {
    try (Reader in = TextFiles.open(source.storage(), file)) {
      return TextRows.header(in, file, separator);
    }
  }
}
