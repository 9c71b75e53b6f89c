package io.glmimage.spark.manifest;

import static org.apache.spark.sql.functions.broadcast;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.monotonically_increasing_id;
import static org.apache.spark.sql.functions.spark_partition_id;
import static org.apache.spark.sql.functions.when;

import io.glmimage.error.JobException;
import io.glmimage.manifest.InternalColumns;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/**
 * How many rows each partition of a manifest has. Numbers the rows from 0 without gaps, in the
 * order of the partitions, as {@code JavaRDD.zipWithIndex} does, but in expressions of Spark SQL.
 *
 * <p>The manifest must have the same partitions whenever it is read; see {@link FormatReader}.
 *
 * @param rows number of rows by partition; partitions without rows may be left out
 */
record PartitionCounts(Map<Integer, Long> rows) {
  /** Spark's {@code monotonically_increasing_id}: the partition, then 33 bits of the position. */
  private static final long POSITION = (1L << 33) - 1;

  private static final StructType FIRSTS =
      new StructType()
          .add(InternalColumns.PARTITION, DataTypes.IntegerType, false)
          .add(InternalColumns.FIRST, DataTypes.LongType, false)
          .add(InternalColumns.COUNT, DataTypes.LongType, false);

  /** Counts the rows of a manifest. */
  static PartitionCounts of(Dataset<Row> manifest) {
    Map<Integer, Long> rows = new HashMap<>();
    for (Row part :
        manifest.groupBy(spark_partition_id().as("partition")).count().collectAsList()) {
      rows.put(part.getInt(0), part.getLong(1));
    }
    return new PartitionCounts(rows);
  }

  /**
   * Adds {@link InternalColumns#INDEX}, the position of each row in the manifest. It is null for a
   * row that was not counted, which {@link #checked} refuses.
   *
   * @param manifest its rows, in the partitions that were counted
   */
  Dataset<Row> index(Dataset<Row> manifest) {
    List<Row> firsts = new ArrayList<>();
    long next = 0;
    for (Map.Entry<Integer, Long> part : new TreeMap<>(rows).entrySet()) {
      firsts.add(RowFactory.create(part.getKey(), next, part.getValue()));
      next += part.getValue();
    }
    Column partition = col(InternalColumns.PARTITION);
    Column position = col(InternalColumns.POSITION);
    Dataset<Row> placed =
        manifest
            .withColumn(InternalColumns.PART, spark_partition_id())
            .withColumn(
                InternalColumns.POSITION, monotonically_increasing_id().bitwiseAND(lit(POSITION)));
    if (firsts.size() <= 1) {
      int only = firsts.isEmpty() ? 0 : firsts.get(0).getInt(0);
      return placed
          .withColumn(
              InternalColumns.INDEX,
              when(col(InternalColumns.PART).equalTo(only).and(position.lt(next)), position))
          .drop(InternalColumns.PART, InternalColumns.POSITION);
    }
    // A join, because an array in the expression would be copied for each row on a GPU.
    return placed
        .join(
            broadcast(manifest.sparkSession().createDataFrame(firsts, FIRSTS)),
            col(InternalColumns.PART).equalTo(partition),
            "left")
        .withColumn(
            InternalColumns.INDEX,
            when(
                position.lt(col(InternalColumns.COUNT)), position.plus(col(InternalColumns.FIRST))))
        .drop(
            InternalColumns.PART,
            InternalColumns.POSITION,
            InternalColumns.PARTITION,
            InternalColumns.FIRST,
            InternalColumns.COUNT);
  }

  /**
   * The index of a row.
   *
   * @throws JobException if the row was not counted
   */
  static long checked(Long index) {
    if (index == null) {
      throw new JobException(
          "Cannot number the rows of the manifest: it has other rows than when they were counted;"
              + " was it changed while the job ran? Run the same command again");
    }
    return index;
  }
}
