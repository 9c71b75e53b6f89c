package io.glmimage.spark.results;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.isnan;
import static org.apache.spark.sql.functions.not;
import static org.apache.spark.sql.functions.struct;
import static org.apache.spark.sql.functions.when;

import io.glmimage.manifest.InternalColumns;
import io.glmimage.output.ResultColumn;
import io.glmimage.quality.QualityFlag;
import io.glmimage.quality.QualityLimits;
import io.glmimage.spark.manifest.SqlColumns;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/** Joins the planned rows of a manifest with stored result rows. */
public final class ResultAssembly {
  private ResultAssembly() {}

  /**
   * Adds the newest result of each planned row: its columns in a struct, null if the row has none.
   *
   * @param results the newest result of each id
   */
  public static Dataset<Row> withResults(Dataset<Row> planned, Dataset<Row> results) {
    return planned.join(
        results.select(
            col(ResultColumn.ID.column()).as(InternalColumns.RESULT_ID),
            struct(col("*")).as(InternalColumns.RESULT)),
        col(InternalColumns.ID).equalTo(col(InternalColumns.RESULT_ID)),
        "left");
  }

  /** A column of the struct that {@link #withResults} adds. */
  public static Column result(ResultColumn column) {
    return col(InternalColumns.RESULT + "." + column.column());
  }

  /**
   * The result table: the result of each planned row, and the columns that pass through. Rows
   * without a result of their present fingerprint are left out.
   *
   * @param results the newest result of each id
   * @param passedThrough columns of the planned rows
   * @param limits flag the rows by their stored figures, also those of earlier runs
   */
  static Dataset<Row> table(
      Dataset<Row> planned, Dataset<Row> results, StructType passedThrough, QualityLimits limits) {
    List<Column> columns = new ArrayList<>();
    for (ResultColumn column : ResultColumn.values()) {
      // The manifest may have been reordered since the row was edited.
      Column value =
          switch (column) {
            case ROW_INDEX -> col(InternalColumns.INDEX);
            case QUALITY -> flag(limits);
            default -> result(column);
          };
      columns.add(value.as(column.column()));
    }
    for (StructField field : passedThrough.fields()) {
      columns.add(SqlColumns.of(field.name()));
    }
    return withResults(planned, results)
        .filter(result(ResultColumn.FINGERPRINT).equalTo(col(InternalColumns.FINGERPRINT)))
        .select(columns.toArray(Column[]::new));
  }

  /** {@link QualityLimits#flag} as an expression; null for rows without figures. */
  static Column flag(QualityLimits limits) {
    Column changed = result(ResultColumn.CHANGED_FRACTION);
    Column ssim = result(ResultColumn.SSIM);
    Column flatness = result(ResultColumn.FLATNESS);
    Column flat = notBelow(flatness, QualityLimits.FLAT_FLATNESS);
    Column changedEnough = changed.isNull().or(notBelow(changed, QualityLimits.FLAT_CHANGE));
    Column destroyed =
        changed
            .gt(limits.maxChange())
            .and(not(isnan(changed)))
            .and(ssim.lt(QualityLimits.DESTROYED_SSIM));
    return when(flatness.isNull(), null)
        .when(changed.lt(limits.minChange()), QualityFlag.UNCHANGED.name())
        .when(flat.and(changedEnough), QualityFlag.FLAT.name())
        .when(destroyed, QualityFlag.DESTROYED.name())
        .otherwise(QualityFlag.OK.name());
  }

  /** Spark, unlike Java, orders NaN after all other numbers. */
  private static Column notBelow(Column value, double limit) {
    return value.geq(limit).and(not(isnan(value)));
  }
}
