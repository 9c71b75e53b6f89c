package io.glmimage.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Flagged rows with the real engine. By the limits here, every edit changes too little, so that
 * every row is edited again and the most changed image is kept.
 */
@Tag("spark")
class QualityJobTest extends SharedSession {
  private static final Path EXAMPLE =
      Path.of("src/main/resources/models/glm-image-tiny/examples/01_recolor_green.png");

  private final JobConsole job = new JobConsole();

  private String manifest(String name, String... ids) throws IOException {
    StringBuilder rows = new StringBuilder("id,prompt,image_paths\n");
    for (String id : ids) {
      Path source = folder.resolve(id + ".png");
      if (!Files.exists(source)) {
        // A file that is written again is another version, whose row is edited again.
        Files.copy(EXAMPLE, source);
      }
      rows.append(id).append(",make the circle green,").append(id).append(".png\n");
    }
    return Files.writeString(folder.resolve(name), rows).toString();
  }

  private void edit(String manifest, Path output, String minChange, String... more) {
    List<String> args = new ArrayList<>(List.of("edit", "--manifest", manifest));
    args.addAll(
        List.of(
            "--output",
            output.toString(),
            "--steps=2",
            "--height=64",
            "--width=64",
            "--device=cpu"));
    args.addAll(List.of("--min-change", minChange, "--max-change=1", "--change-maps"));
    args.addAll(List.of(more));
    assertEquals(0, job.real(args), job::err);
  }

  /** Seeds and images of all rows. */
  private static Map<String, String> kept(Path output) {
    Map<String, String> kept = new TreeMap<>();
    JobConsole.results(spark, output.toString())
        .forEach((id, row) -> kept.put(id, row.getAs("seed") + " " + row.getAs("output_sha256")));
    return kept;
  }

  @Test
  void retriesGiveTheSameImagesWhateverTheBatchesAndHoweverOftenTheRunIsResumed()
      throws IOException {
    String all = manifest("all.csv", "a", "b", "c");
    Path whole = folder.resolve("whole");
    edit(all, whole, "0.99", "--retry-flagged=2", "--batch-size=3", "--partitions=1");
    Map<String, String> expected = kept(whole);

    // The first two rows alone, then the same command for all rows.
    Path resumed = folder.resolve("resumed");
    edit(manifest("all.csv", "a", "b"), resumed, "0.99", "--retry-flagged=2", "--batch-size=1");
    edit(
        manifest("all.csv", "a", "b", "c"), resumed, "0.99", "--retry-flagged=2", "--batch-size=1");
    assertTrue(job.err().contains("2 of 3 rows are already finished"), job.err());
    assertEquals(expected, kept(resumed));

    // Without retries, the rows have their own seeds. Another image was kept for one at least.
    Path once = folder.resolve("once");
    edit(all, once, "0.99");
    assertNotEquals(expected, kept(once));
    Map<String, Row> before = JobConsole.results(spark, once.toString());
    Map<String, Row> after = JobConsole.results(spark, whole.toString());
    before.forEach(
        (id, row) -> {
          assertEquals("UNCHANGED", row.getAs("quality"), id);
          assertTrue(
              after.get(id).<Double>getAs("changed_fraction")
                  >= row.<Double>getAs("changed_fraction"),
              id);
          assertTrue(Files.exists(whole.resolve("changes/" + id + ".png")), id);
        });

    // Flagged rows are shown, with their flag.
    assertEquals(0, job.run("show", "--results", whole.toString(), "--flagged"), job::err);
    assertEquals(4, job.out().strip().lines().count(), job.out());
    assertTrue(job.out().contains("(UNCHANGED: "), job.out());
    assertEquals(0, job.run("show", "--results=" + whole, "--flagged", "--json", "--rows=1"));
    JsonNode first = new ObjectMapper().readTree(job.out().strip());
    assertEquals("UNCHANGED", first.path("quality").asText());

    // Other limits judge the stored figures; no row is flagged any more.
    edit(all, once, "0");
    assertTrue(job.err().contains("3 of 3 rows are already finished"), job.err());
    assertEquals(0, job.run("show", "--results", once.toString(), "--flagged"), job::err);
    assertEquals(1, job.out().strip().lines().count(), job.out());
  }
}
