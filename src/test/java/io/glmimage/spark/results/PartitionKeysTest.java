package io.glmimage.spark.results;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.spark_partition_id;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.spark.TinySpark;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("spark")
class PartitionKeysTest extends TinySpark {
  @Test
  void sparkSendsEachKeyToItsPartition() {
    for (int partitions : new int[] {1, 2, 7, 40}) {
      List<Integer> keys = new ArrayList<>();
      for (int key : PartitionKeys.of(partitions)) {
        keys.add(key);
      }
      List<Row> rows =
          spark
              .createDataset(keys, Encoders.INT())
              .toDF("key")
              .repartition(partitions, col("key"))
              .select(col("key"), spark_partition_id())
              .collectAsList();
      assertEquals(partitions, rows.size());
      for (Row row : rows) {
        assertEquals(keys.get(row.getInt(1)), row.getInt(0));
      }
    }
  }

  @Test
  void eachOfManyPartitionsHasAKeyOfItsOwn() {
    int[] keys = PartitionKeys.of(20_000);
    assertEquals(20_000, keys.length);
    assertEquals(20_000, Arrays.stream(keys).distinct().count());
    // About n ln n keys are tried: 10 for each partition. A search for each key would try far more.
    assertTrue(Arrays.stream(keys).max().getAsInt() < 20 * 20_000);
  }
}
