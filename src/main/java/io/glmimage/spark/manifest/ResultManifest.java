package io.glmimage.spark.manifest;

import static org.apache.spark.sql.functions.array;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.concat;
import static org.apache.spark.sql.functions.length;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.substring_index;
import static org.apache.spark.sql.functions.when;

import io.glmimage.error.UsageException;
import io.glmimage.io.Storage;
import io.glmimage.manifest.ManifestField;
import io.glmimage.manifest.ManifestOptions;
import io.glmimage.manifest.ResultRows;
import io.glmimage.output.OutputLayout;
import io.glmimage.output.ResultColumn;
import io.glmimage.output.ResultStatus;
import io.glmimage.output.SourceFolder;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;

/**
 * A result table of this program as a manifest. The result columns are left out. The source images
 * are the edited images, or those of the first run.
 *
 * @param rows the rows to edit, with the columns of a manifest
 * @param folder base of relative image paths; null for a table of a catalog
 * @param options of the manifest, without dropped columns that this class has left out
 * @param note what was chosen, for the user
 */
public record ResultManifest(
    Dataset<Row> rows, String folder, ManifestOptions options, String note) {
  private static final String IMAGES = "images/";

  /** Columns that every version of the result table has, and no other table. */
  private static final List<ResultColumn> SIGNS =
      List.of(
          ResultColumn.ROW_INDEX,
          ResultColumn.STATUS,
          ResultColumn.ERROR_CLASS,
          ResultColumn.OUTPUT_PATH,
          ResultColumn.OUTPUT_SHA256,
          ResultColumn.FINGERPRINT,
          ResultColumn.RUN);

  /**
   * Fields that are taken from the table. Its seeds and sizes are those that the first run has
   * chosen for the rows; they are taken if {@code --columns} names them.
   */
  private static final Set<ManifestField> KEPT =
      Set.of(
          ManifestField.ID,
          ManifestField.PROMPT,
          ManifestField.IMAGE_PATHS,
          ManifestField.NUM_INFERENCE_STEPS,
          ManifestField.GUIDANCE_SCALE);

  static boolean is(Dataset<Row> rows) {
    List<String> columns = List.of(rows.columns());
    return SIGNS.stream().map(ResultColumn::column).allMatch(columns::contains);
  }

  /** The folder of the result table if the path is an output folder, otherwise the path. */
  static String path(Storage storage, String path) throws IOException {
    OutputLayout output = new OutputLayout(path);
    return storage.exists(output.success()) ? output.results() : path;
  }

  /**
   * Makes a manifest of a result table.
   *
   * @throws UsageException if the table lacks what the rows are chosen by
   */
  static ResultManifest of(Storage storage, Dataset<Row> table, ManifestOptions options)
      throws IOException {
    // The paths of edited images in a table of a catalog are those of the output folder.
    OutputLayout output =
        options.isTable()
            ? null
            : new OutputLayout(
                storage.qualified(storage.parent(storage.qualified(options.path()))));
    boolean edits = options.resultRows() == ResultRows.EDITED;
    Dataset<Row> rows = table.filter(wanted(table, options));
    boolean sourcesAreMapped = options.columns().containsKey(ManifestField.IMAGE_PATHS.column());
    if (edits && !sourcesAreMapped) {
      // A table that was copied without its edited images keeps their paths.
      boolean moved = output != null && storage.exists(output.images());
      Dataset<Row> present = moved ? rebased(rows, output) : rows;
      rows =
          present.withColumn(
              ManifestField.IMAGE_PATHS.column(), array(col(ResultColumn.OUTPUT_PATH.column())));
    }
    Set<String> left = leftOut(options);
    rows = rows.drop(left.stream().toArray(String[]::new));
    List<String> dropped = new ArrayList<>(options.dropped());
    dropped.removeIf(name -> left.contains(name.toLowerCase(Locale.ROOT)));
    return new ResultManifest(
        rows,
        output == null ? null : edits ? output.root() : firstManifestFolder(storage, output),
        options.withDropped(dropped),
        "The manifest is a result table: "
            + (edits
                ? "its edited images are the source images"
                : "its " + options.resultRows() + " rows are edited with their first source images")
            + " (--result-rows)");
  }

  private static Column wanted(Dataset<Row> table, ManifestOptions options) {
    Column ok = col(ResultColumn.STATUS.column()).equalTo(ResultStatus.OK.name());
    return switch (options.resultRows()) {
      case ALL -> lit(true);
      case EDITED -> ok;
      case FLAGGED -> {
        String quality = ResultColumn.QUALITY.column();
        if (!List.of(table.columns()).contains(quality)) {
          throw new UsageException(
              "Cannot edit the flagged rows of "
                  + options.path()
                  + ": the table has no column "
                  + quality
                  + " (an earlier version wrote it; run its command again)");
        }
        yield ok.and(col(quality).notEqual("OK"));
      }
    };
  }

  /** Names, in lower case, of result columns that are neither fields nor named by the user. */
  private static Set<String> leftOut(ManifestOptions options) {
    Set<String> names = new TreeSet<>();
    for (String name : ResultColumn.names()) {
      ManifestField field = options.fieldOf(name);
      boolean named = field != null && options.columns().containsKey(field.column());
      if (field == null || !(named || KEPT.contains(field))) {
        names.add(name);
      }
    }
    return names;
  }

  /** Relative paths of the table start at the folder of the first run's manifest. */
  private static String firstManifestFolder(Storage storage, OutputLayout output)
      throws IOException {
    String folder = SourceFolder.of(storage, output);
    return folder == null ? output.root() : folder;
  }

  /**
   * Result rows with the present paths of their edited images. The stored paths are those of the
   * time when the rows were edited; the output folder may have been moved since.
   */
  public static Dataset<Row> rebased(Dataset<Row> rows, OutputLayout output) {
    String name = ResultColumn.OUTPUT_PATH.column();
    if (!List.of(rows.columns()).contains(name)) {
      return rows;
    }
    Column path = col(name);
    // A file in the folder of edited images, perhaps in one more folder. Without regular
    // expressions, which Spark RAPIDS would leave on the CPU.
    Column file = substring_index(path, "/", -1);
    Column inFolder = substring_index(path, "/", -2);
    Column named = length(file).gt(0);
    Column folderNamed = length(inFolder).gt(length(file).plus(1));
    return rows.withColumn(
        name,
        when(named.and(isInImages(path, inFolder, file)), concat(lit(output.images() + "/"), file))
            .when(
                named
                    .and(folderNamed)
                    .and(isInImages(path, substring_index(path, "/", -3), inFolder)),
                concat(lit(output.images() + "/"), inFolder))
            .otherwise(path));
  }

  /** Whether {@code end}, the end of a path, is {@code name} in a folder {@code images}. */
  private static Column isInImages(Column path, Column end, Column name) {
    return end.equalTo(concat(lit(IMAGES), name)).and(length(path).gt(length(end)));
  }
}
