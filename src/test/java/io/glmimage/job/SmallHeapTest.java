package io.glmimage.job;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Neither the driver nor a task holds the rows of a manifest. */
@Tag("spark")
@Tag("slow")
class SmallHeapTest {
  private static final long ROWS = 80_000;

  @TempDir private Path folder;

  @Test
  void aManifestLargerThanTheHeapIsPlannedAndAccountedFor() throws Exception {
    String manifest = folder + "/rows.parquet";
    try (Session session = Session.open("local[2]", "test")) {
      // More than 270 MB of text, for a heap of 256 MB.
      session
          .spark()
          .range(0, ROWS, 1, 4)
          .toDF("n")
          .selectExpr(
              "concat('row-', n) as id",
              "concat('s3a://bucket/', n, '.jpg') as image_paths",
              "repeat('make it green, ', 240) as prompt")
          .write()
          .parquet(manifest);
    }
    // Spark requires 450 MB unless its reserve is set lower.
    List<String> options = new ArrayList<>(ChildJob.FOR_MANY_ROWS);
    options.addAll(List.of("-Xmx256m", "-Dspark.testing.reservedMemory=20000000"));
    String[] arguments = {
      "--manifest",
      manifest,
      "--output",
      folder + "/out",
      "--engine",
      "noop",
      "--partitions",
      "100",
      "--batch-size",
      "256",
      "--master",
      "local[2]"
    };
    try (ChildJob job = new ChildJob(folder.resolve("log"), options, null, List.of(arguments))) {
      assertEquals(0, job.exitCode(), job.output());
    }
    JsonNode summary = new ObjectMapper().readTree(folder.resolve("out/summary.json").toFile());
    assertEquals(ROWS, summary.path("ok").asLong());
  }
}
