package io.glmimage.spark.results;

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
        text(row, ResultColumn.ID),
        ResultStatus.OK.name().equals(text(row, ResultColumn.STATUS)),
        text(row, ResultColumn.ERROR_CLASS),
        text(row, ResultColumn.ERROR),
        text(row, ResultColumn.OUTPUT_PATH),
        (Integer) value(row, ResultColumn.WIDTH),
        (Integer) value(row, ResultColumn.HEIGHT),
        (Long) value(row, ResultColumn.SEED),
        (Double) value(row, ResultColumn.SECONDS),
        text(row, ResultColumn.PROMPT),
        row.getList(row.fieldIndex(ResultColumn.IMAGE_PATHS.column())));
  }

  private static String text(Row row, ResultColumn column) {
    return (String) value(row, column);
  }

  private static Object value(Row row, ResultColumn column) {
    return row.get(row.fieldIndex(column.column()));
  }
}
