package io.glmimage.spark.manifest;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.count;
import static org.apache.spark.sql.functions.first;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.max;
import static org.apache.spark.sql.functions.spark_partition_id;
import static org.apache.spark.sql.functions.sum;
import static org.apache.spark.sql.functions.xxhash64;

import io.glmimage.manifest.InternalColumns;
import java.util.HashMap;
import java.util.Map;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;

/**
 * Counts of rows, found in one pass over a manifest.
 *
 * @param named rows that give their own id
 * @param textToImage rows that have no source image
 * @param repeated whether two rows may have the same key
 * @param partitions rows of each partition; wrong if keys are repeated
 */
record KeyCounts(
    long rows, long named, long textToImage, boolean repeated, PartitionCounts partitions) {
  /** Counts rows that have the columns KEY, NAMED and TEXT_ONLY. */
  static KeyCounts of(Dataset<Row> keyed) {
    Map<Integer, Long> partitions = new HashMap<>();
    long rows = 0;
    long named = 0;
    long textToImage = 0;
    boolean repeated = false;
    for (Row part : plan(keyed).collectAsList()) {
      partitions.put(part.getInt(0), part.getLong(1));
      repeated |= part.getLong(2) > 1;
      rows += part.getLong(1);
      named += part.getLong(3);
      textToImage += part.getLong(4);
    }
    return new KeyCounts(rows, named, textToImage, repeated, new PartitionCounts(partitions));
  }

  /** The counts of each partition of the manifest. */
  static Dataset<Row> plan(Dataset<Row> keyed) {
    // The hashes of millions of keys need far less memory than the keys. They nearly always differ,
    // and then each of these groups is one row, and has the partition of the row.
    return keyed
        .select(
            xxhash64(col(InternalColumns.KEY)).as("hash"),
            spark_partition_id().as("partition"),
            col(InternalColumns.NAMED).cast("long").as("named"),
            col(InternalColumns.TEXT_ONLY).cast("long").as("text"))
        .groupBy(col("hash"))
        .agg(
            count(lit(1)).as("n"),
            first(col("partition")).as("partition"),
            sum(col("named")).as("named"),
            sum(col("text")).as("text"))
        .groupBy(col("partition"))
        .agg(sum(col("n")), max(col("n")), sum(col("named")), sum(col("text")));
  }
}
