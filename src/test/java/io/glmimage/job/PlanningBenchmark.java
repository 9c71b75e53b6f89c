package io.glmimage.job;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import java.util.Locale;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What planning and bookkeeping cost: whole jobs with an engine that edits nothing, on two cores.
 * {@code mvn test -Dtest=PlanningBenchmark -Dexcluded.tags= -Dtest.heap=2g
 * -Dbench.rows=10000,100000}
 */
@Tag("slow")
@Tag("spark")
class PlanningBenchmark {
  @TempDir private Path folder;

  @Test
  void runsWithoutEditing() {
    for (String rows : System.getProperty("bench.rows", "10000").split(",")) {
      run(Long.parseLong(rows));
    }
  }

  private void run(long rows) {
    String manifest = folder + "/rows-" + rows;
    String output = folder + "/out-" + rows;
    try (Session session = Session.open("local[2]")) {
      SparkSession spark = session.spark();
      spark
          .range(rows)
          .selectExpr(
              "concat('row-', id) as id",
              "concat('s3a://bucket/images/', id % 1000, '/', id, '.jpg') as image_paths",
              "concat('make the object in the middle of picture ', id, ' green') as prompt",
              "id % 17 as label")
          .repartition(8)
          .write()
          .parquet(manifest);
      System.gc();
      long start = System.nanoTime();
      int exit =
          EditImagesJob.run(
              "--manifest", manifest, "--output", output, "--engine", "noop", "--steps", "1");
      double seconds = (System.nanoTime() - start) / 1e9;
      assertEquals(0, exit);
      assertEquals(rows, spark.read().parquet(output + "/results").count());
      System.gc();
      Runtime runtime = Runtime.getRuntime();
      System.out.printf(
          Locale.ROOT,
          "BENCH %d rows: %.1f s, %.0f rows/s, heap after %d MB%n",
          rows,
          seconds,
          rows / seconds,
          (runtime.totalMemory() - runtime.freeMemory()) >> 20);
    }
  }
}
