package io.glmimage.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.stream.IntStream;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("spark")
class SimulatedExecutorsTest {
  @Test
  void tasksRunOnceAndAreSpreadOverAllExecutors() {
    SparkSession spark = SimulatedClusterBenchmark.session(20, 2);
    try {
      int sum =
          new JavaSparkContext(spark.sparkContext())
              .parallelize(IntStream.range(0, 400).boxed().toList(), 400)
              .reduce(Integer::sum);

      assertEquals(400 * 399 / 2, sum);
      SimulatedExecutors executors = (SimulatedExecutors) spark.sparkContext().schedulerBackend();
      assertEquals(20, executors.used().size());
    } finally {
      spark.stop();
    }
  }
}
