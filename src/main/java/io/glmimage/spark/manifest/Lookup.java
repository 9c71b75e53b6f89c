package io.glmimage.spark.manifest;

import static org.apache.spark.sql.functions.broadcast;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.get;
import static org.apache.spark.sql.functions.lit;

import io.glmimage.manifest.InternalColumns;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;

/**
 * Looks numbers up by a position, by a join with a small table. A function would be called row by
 * row, and an array in an expression would be copied for each row on a GPU. The table is made of
 * Spark's range of numbers, because Spark RAPIDS leaves joins with a local table on the CPU.
 */
public final class Lookup {
  private Lookup() {}

  /**
   * Adds columns to rows. They are null for positions that are not in the table.
   *
   * @param position in the values, from 0, as an int
   * @param names of the columns
   * @param values of each column, all with the same number of values
   */
  public static Dataset<Row> add(
      Dataset<Row> rows, Column position, String[] names, long[]... values) {
    Column[] columns = new Column[names.length + 1];
    Column number = col("id").cast("int");
    columns[0] = number.as(InternalColumns.PARTITION);
    for (int i = 0; i < names.length; i++) {
      columns[i + 1] = get(lit(values[i]), number).as(names[i]);
    }
    Dataset<Row> table =
        rows.sparkSession().range(0, values[0].length, 1, 1).toDF("id").select(columns);
    return rows.withColumn(InternalColumns.PART, position)
        .join(
            broadcast(table),
            col(InternalColumns.PART).equalTo(col(InternalColumns.PARTITION)),
            "left")
        .drop(InternalColumns.PART, InternalColumns.PARTITION);
  }
}
