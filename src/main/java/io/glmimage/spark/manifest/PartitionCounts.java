package io.glmimage.spark.manifest;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.monotonically_increasing_id;
import static org.apache.spark.sql.functions.spark_partition_id;
import static org.apache.spark.sql.functions.when;

import io.glmimage.error.JobException;
import io.glmimage.manifest.InternalColumns;
import java.util.HashMap;
import java.util.Map;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;

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
    int partitions = 1 + rows.keySet().stream().mapToInt(i -> i).max().orElse(0);
    long[] firsts = new long[partitions];
    long[] counts = new long[partitions];
    long next = 0;
    for (int i = 0; i < partitions; i++) {
      firsts[i] = next;
      counts[i] = rows.getOrDefault(i, 0L);
      next += counts[i];
    }
    Column position = col(InternalColumns.POSITION);
    Dataset<Row> placed =
        manifest.withColumn(
            InternalColumns.POSITION, monotonically_increasing_id().bitwiseAND(lit(POSITION)));
    if (partitions == 1) {
      return placed
          .withColumn(
              InternalColumns.INDEX,
              when(spark_partition_id().equalTo(0).and(position.lt(next)), position))
          .drop(InternalColumns.POSITION);
    }
    return Lookup.add(
            placed,
            spark_partition_id(),
            new String[] {InternalColumns.FIRST, InternalColumns.COUNT},
            firsts,
            counts)
        .withColumn(
            InternalColumns.INDEX,
            when(
                position.lt(col(InternalColumns.COUNT)), position.plus(col(InternalColumns.FIRST))))
        .drop(InternalColumns.POSITION, InternalColumns.FIRST, InternalColumns.COUNT);
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
