package io.glmimage.spark.results;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.struct;
import static org.apache.spark.sql.functions.to_json;

import com.fasterxml.jackson.core.JsonProcessingException;
import io.glmimage.error.JobException;
import io.glmimage.io.Storage;
import io.glmimage.json.Json;
import io.glmimage.output.ResultColumn;
import io.glmimage.output.ResultStatus;
import io.glmimage.spark.manifest.SqlColumns;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.DataTypes;

/**
 * A successful row on its way into a packed file.
 *
 * @param row a row of {@link #table}
 */
record PackedRow(Row row) {
  /** The manifest's other columns as one JSON object; null if there are none. */
  private static final String OTHERS = "columns";

  /** Edited images are smaller than this. */
  private static final long MAX_FILE_BYTES = 1L << 30;

  private static final List<ResultColumn> SETTINGS =
      List.of(
          ResultColumn.ROW_INDEX,
          ResultColumn.ID,
          ResultColumn.PROMPT,
          ResultColumn.IMAGE_PATHS,
          ResultColumn.WIDTH,
          ResultColumn.HEIGHT,
          ResultColumn.SEED,
          ResultColumn.NUM_INFERENCE_STEPS,
          ResultColumn.GUIDANCE_SCALE,
          ResultColumn.MODEL);

  /**
   * The successful rows of a result table: index, id, prompt and settings, the manifest's other
   * columns as JSON in a column {@code columns}, and {@code output_path}.
   */
  static Dataset<Row> table(Dataset<Row> results) {
    List<Column> columns = new ArrayList<>();
    SETTINGS.forEach(column -> columns.add(col(column.column())));
    Column[] others =
        Arrays.stream(results.columns())
            .filter(name -> !ResultColumn.names().contains(name))
            .map(SqlColumns::of)
            .toArray(Column[]::new);
    Column json =
        others.length == 0 ? lit(null).cast(DataTypes.StringType) : to_json(struct(others));
    columns.add(json.as(OTHERS));
    columns.add(col(ResultColumn.OUTPUT_PATH.column()));
    return results
        .filter(col(ResultColumn.STATUS.column()).equalTo(ResultStatus.OK.name()))
        .select(columns.toArray(Column[]::new));
  }

  /** Position of the row in the manifest, from 0. */
  long index() {
    return row.<Long>getAs(ResultColumn.ROW_INDEX.column());
  }

  String prompt() {
    return row.getAs(ResultColumn.PROMPT.column());
  }

  /** The settings and other columns of the row as a JSON object, and a line end. */
  String json() {
    Map<String, Object> fields = new LinkedHashMap<>();
    for (ResultColumn column : SETTINGS) {
      int at = row.fieldIndex(column.column());
      boolean list = column.type() == ResultColumn.Type.TEXT_LIST;
      fields.put(column.column(), list ? row.getList(at) : row.get(at));
    }
    try {
      String others = row.getAs(OTHERS);
      fields.put(OTHERS, others == null ? Map.of() : Json.MAPPER.readTree(others));
      return Json.MAPPER.writeValueAsString(fields) + "\n";
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("Cannot read the JSON that Spark wrote", e);
    }
  }

  /** The file of the edited image. */
  byte[] image(Storage storage) {
    String path = row.getAs(ResultColumn.OUTPUT_PATH.column());
    try {
      return storage.read(path, MAX_FILE_BYTES);
    } catch (IOException e) {
      throw new JobException("Cannot pack edited image " + path + ": " + e.getMessage(), e);
    }
  }
}
