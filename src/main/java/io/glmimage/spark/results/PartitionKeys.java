package io.glmimage.spark.results;

import java.util.BitSet;
import org.apache.spark.unsafe.hash.Murmur3_x86_32;

/**
 * Numbers which {@code Dataset.repartition} puts where one wants. Spark's tables can be spread by
 * the hash of a column only; these are values of such a column, one for each partition. Besides, a
 * spread by ranges computes everything twice, to find the ranges out.
 */
public final class PartitionKeys {
  /** Of Spark's hash expressions. */
  private static final int SEED = 42;

  private PartitionKeys() {}

  /** For each of so many partitions a number that goes there as a column of type int. */
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
}
