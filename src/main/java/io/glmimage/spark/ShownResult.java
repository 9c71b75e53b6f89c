package io.glmimage.spark;

import io.glmimage.output.ResultColumn;
import io.glmimage.output.ResultStatus;
import java.util.List;
import org.apache.spark.sql.Row;

/** What people are shown of a line of the result table; null where the table has null. */
public record ShownResult(
    String id,
    boolean ok,
    String errorClass,
    String error,
    String outputPath,
    Integer width,
    Integer height,
    Long seed,
    double seconds,
    String prompt,
    List<String> imagePaths) {
  static ShownResult of(Row row) {
    return new ShownResult(
        value(row, ResultColumn.ID),
        ResultStatus.OK.name().equals(value(row, ResultColumn.STATUS)),
        value(row, ResultColumn.ERROR_CLASS),
        value(row, ResultColumn.ERROR),
        value(row, ResultColumn.OUTPUT_PATH),
        value(row, ResultColumn.WIDTH),
        value(row, ResultColumn.HEIGHT),
        value(row, ResultColumn.SEED),
        row.getDouble(row.fieldIndex(ResultColumn.SECONDS.column())),
        value(row, ResultColumn.PROMPT),
        row.getList(row.fieldIndex(ResultColumn.IMAGE_PATHS.column())));
  }

  private static <T> T value(Row row, ResultColumn column) {
    return row.getAs(column.column());
  }
}
