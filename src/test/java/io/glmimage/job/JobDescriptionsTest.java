package io.glmimage.job;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Files;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerJobStart;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What Spark's UI and event logs call the jobs and the application. */
@Tag("spark")
class JobDescriptionsTest extends SharedSession {
  private final Queue<String> descriptions = new ConcurrentLinkedQueue<>();
  private final JobConsole job = new JobConsole();

  private List<String> described(String... arguments) throws Exception {
    SparkListener listener =
        new SparkListener() {
          @Override
          public void onJobStart(SparkListenerJobStart start) {
            String description = start.properties().getProperty("spark.job.description");
            descriptions.add(description == null ? "none" : description);
          }
        };
    spark.sparkContext().addSparkListener(listener);
    try {
      job.run(arguments);
      spark.sparkContext().listenerBus().waitUntilEmpty();
    } finally {
      spark.sparkContext().removeSparkListener(listener);
    }
    List<String> seen = List.copyOf(new LinkedHashSet<>(descriptions));
    descriptions.clear();
    return seen;
  }

  @Test
  void everySparkJobSaysWhatItDoes() throws Exception {
    Files.write(folder.resolve("a.png"), JobConsole.png(64, 64, 1));
    Files.writeString(
        folder.resolve("rows.jsonl"),
        """
        {"id": "a", "image_paths": "a.png", "prompt": "x"}
        {"id": "b", "image_paths": "missing.png", "prompt": "x"}
        """);
    String manifest = folder.resolve("rows.jsonl").toString();
    String before = spark.sparkContext().getLocalProperty("spark.job.description");
    assertEquals(
        List.of("Check the rows of rows.jsonl"), described("validate", "--manifest", manifest));
    assertEquals(
        List.of(
            "Read the manifest rows.jsonl",
            "Count and check the rows of rows.jsonl",
            "Find the rows to edit",
            "Edit 2 rows",
            "Write the result table",
            "Summarize the results",
            "Write the report"),
        described("edit", "--manifest", manifest, "--output", folder.resolve("out").toString()));
    assertEquals(
        List.of("Read the results"),
        described("show", "--results", folder.resolve("out").toString()));
    assertEquals(before, spark.sparkContext().getLocalProperty("spark.job.description"));
  }

  @Test
  void anApplicationIsNamedAfterItsWork() {
    assertEquals("glm-image-spark: test", spark.sparkContext().appName());
    assertEquals("rows.parquet", Session.shortName("s3a://bucket/2026-11-27/rows.parquet/"));
  }
}
