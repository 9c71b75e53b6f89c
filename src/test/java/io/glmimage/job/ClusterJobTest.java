package io.glmimage.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.glmimage.image.ImageEncoder;
import io.glmimage.image.RgbImage;
import io.glmimage.spark.SparkProcess;
import io.glmimage.spark.Until;
import io.glmimage.spark.engine.FakeEngines;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A job whose executors are processes of their own, two tasks in each, and die, more often than
 * Spark gives a task. Needs the scripts of a Spark installation: that of {@code -Dspark.home} or of
 * the environment's SPARK_HOME.
 */
@Tag("spark")
@Tag("resume")
class ClusterJobTest {
  private static final StructType SCHEMA =
      new StructType()
          .add("id", DataTypes.StringType)
          .add("image_paths", DataTypes.StringType)
          .add("prompt", DataTypes.StringType);

  @TempDir private Path folder;

  @Test
  void rowsThatKillTheirProcessOrLoseTheirDeviceAreFoundAndTheOthersAreEdited() throws Exception {
    String home = System.getProperty("spark.home", System.getenv("SPARK_HOME"));
    assumeTrue(
        home != null && Files.isExecutable(Path.of(home, "bin", "spark-class")),
        "Skipped: no Spark installation; give one with -Dspark.home or SPARK_HOME"
            + " (.ci/pyspark.sh makes one)");
    String manifest = folder + "/manifest.parquet";
    Path output = folder.resolve("out");
    writeManifest(manifest);
    try (ChildJob job =
        new ChildJob(
            folder.resolve("job.log"),
            List.of(
                "-Dspark.executor.extraClassPath=" + System.getProperty("java.class.path"),
                "-Dspark.executor.extraJavaOptions=" + SparkProcess.SHORT_LIVED,
                "-Dspark.executor.memory=512m"),
            Path.of(home),
            List.of(
                "--manifest",
                manifest,
                "--output",
                output.toString(),
                "--model",
                "slow",
                "--master",
                "local-cluster[2,2,512]",
                "--partitions",
                "4",
                "--batch-size",
                "2",
                "--commit-seconds",
                "0"))) {
      // An executor is also lost for another reason, as on a spot instance.
      Until.holds(
          "the job writes images or ends",
          () -> !job.isAlive() || Files.exists(output.resolve("images")));
      List<ProcessHandle> executors = job.executors();
      assertFalse(executors.isEmpty(), job.output());
      assertTrue(executors.get(0).destroyForcibly());
      assertEquals(2, job.exitCode(), job.output());
      // The executor that lost its device has ended by itself.
      assertTrue(
          job.output().contains(" lost its GPU and has ended; Spark replaces it"), job.output());
      assertTrue(Files.exists(folder.resolve("lost")));
    }
    requireOneFailure(output);
  }

  /** 40 rows; the row r17 kills its process, and r23 loses its device once. */
  private void writeManifest(String manifest) throws IOException {
    Files.write(folder.resolve("0.png"), ImageEncoder.png(new RgbImage(64, 64, new byte[12288])));
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      rows.add(RowFactory.create("r" + i, "0.png", prompt(i)));
    }
    try (Session session = Session.open("local[1]", "test")) {
      SparkSession spark = session.spark();
      spark.createDataFrame(rows, SCHEMA).coalesce(1).write().parquet(manifest);
    }
  }

  private String prompt(int i) {
    return switch (i) {
      case 17 -> "abort";
      case 23 -> FakeEngines.LOSE_ONCE + folder.resolve("lost");
      default -> "prompt " + i;
    };
  }

  private static void requireOneFailure(Path output) throws IOException {
    try (Session session = Session.open("local[1]", "test")) {
      Map<String, Row> lines = new TreeMap<>();
      for (Row row : session.spark().read().parquet(output + "/results").collectAsList()) {
        lines.put(row.getAs("id"), row);
      }
      assertEquals(40, lines.size());
      lines.forEach(
          (id, row) ->
              assertEquals(
                  id.equals("r17") ? "PROCESS_CRASH" : null, row.getAs("error_class"), id));
      String error = lines.get("r17").getAs("error");
      assertTrue(error.contains("died 3 times while no other row was in work"), error);
    }
    try (Stream<Path> images = Files.list(output.resolve("images"))) {
      assertEquals(39, images.count());
    }
  }
}
