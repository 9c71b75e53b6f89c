package io.glmimage.spark.results;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.lit;

import io.glmimage.manifest.InternalColumns;
import io.glmimage.spark.manifest.Lookup;
import java.util.Arrays;
import java.util.BitSet;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.unsafe.hash.Murmur3_x86_32;

/**
 * Values that {@code Dataset.repartition} sends to a chosen partition. Spark partitions a table by
 * the hash of a column, so this class finds one value for each partition. The alternative,
 * partitioning by ranges, would compute the table twice to find the ranges.
 */
public final class PartitionKeys {
  /** The seed of Spark's hash expressions. */
  private static final int SEED = 42;

  private PartitionKeys() {}

  /** For each partition, a value that goes there as a column of type int. */
  public static int[] of(int partitions) {
    int[] keys = new int[partitions];
    BitSet found = new BitSet(partitions);
    int missing = partitions;
    for (int key = 0; missing > 0; key++) {
      int partition = Math.floorMod(Murmur3_x86_32.hashInt(key, SEED), partitions);
      if (!found.get(partition)) {
        found.set(partition);
        keys[partition] = key;
        missing--;
      }
    }
    return keys;
  }

  /**
   * Adds {@link InternalColumns#PLACE}, the key of a partition.
   *
   * @param partition of a row, as an int from 0
   * @param keys the key of each partition
   */
  static Dataset<Row> add(Dataset<Row> rows, Column partition, int[] keys) {
    if (keys.length == 1) {
      return rows.withColumn(InternalColumns.PLACE, lit(keys[0]));
    }
    long[] places = Arrays.stream(keys).asLongStream().toArray();
    return Lookup.add(rows, partition, new String[] {InternalColumns.PLACE}, places)
        .withColumn(InternalColumns.PLACE, col(InternalColumns.PLACE).cast("int"));
  }
}
