package io.glmimage.spark.results;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.spark_partition_id;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("spark")
class PartitionKeysTest {
  @Test
  void sparkPutsEachKeyWhereItBelongs() throws Exception {
    try (SparkSession spark =
        SparkSession.builder()
            .master("local[1]")
            .config("spark.ui.enabled", "false")
            .config("spark.driver.host", "localhost")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .getOrCreate()) {
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
  }

  @Test
  void manyPartitionsTakeNoTime() {
    assertEquals(20_000, PartitionKeys.of(20_000).length);
  }
}
