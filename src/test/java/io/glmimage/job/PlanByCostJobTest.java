package io.glmimage.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Runs whose rows cost unequally: sizes, steps, sources, and rows that fail at once. */
@Tag("spark")
class PlanByCostJobTest extends SharedSession {
  private final JobConsole job = new JobConsole();

  private List<String> rows() throws IOException {
    Files.write(folder.resolve("small.png"), JobConsole.png(64, 64, 10));
    Files.write(folder.resolve("large.png"), JobConsole.png(320, 384, 20));
    Files.writeString(folder.resolve("broken.png"), "no image");
    List<String> rows = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      rows.add("small" + i + ",p,small.png,,,10");
    }
    // Their size is known from the header only.
    rows.add("large0,p,large.png,,,10");
    rows.add("large1,p,large.png,,,10");
    rows.add("sized,p,small.png,512,512,10");
    rows.add("steps,p,small.png,,,60");
    rows.add("text,p,,64,64,10");
    rows.add("broken,p,broken.png,,,10");
    rows.add("gone,p,gone.png,,,10");
    rows.add("refused,p,small.png,9999,64,10");
    return rows;
  }

  private String manifest(String name, List<String> rows) throws IOException {
    Path file = folder.resolve(name);
    Files.writeString(
        file,
        "id,prompt,image_paths,height,width,num_inference_steps\n"
            + String.join("\n", rows)
            + "\n");
    return file.toString();
  }

  private Map<String, String> edited(String manifest, String output, String... more) {
    assertEquals(2, job.edit(manifest, folder.resolve(output).toString(), more), job::err);
    Map<String, String> results = new TreeMap<>();
    JobConsole.results(spark, folder.resolve(output).toString())
        .forEach((id, row) -> results.put(id, result(row)));
    return results;
  }

  private static String result(Row row) {
    return row.getAs("status")
        + " "
        + row.getAs("seed")
        + " "
        + row.getAs("output_sha256")
        + " "
        + row.getAs("error_class");
  }

  /** The RESULT line of the last run. */
  private Map<?, ?> result() throws IOException {
    String line = job.out().substring(job.out().indexOf("RESULT ") + 7);
    return new ObjectMapper().readValue(line, Map.class);
  }

  /** GPU-hours of a local session on a CPU are those of its process. */
  private void theRunHasACost() throws IOException {
    double cost = (Double) result().get("cost");
    double seconds = (Double) result().get("seconds");
    assertEquals(cost, (Double) result().get("gpu_hours") * 3600, 1e-6);
    assertEquals(seconds, cost, 0.5 + 0.1 * seconds);
    assertTrue(
        job.out().contains(String.format(Locale.ROOT, " s, cost %.2f for 0.0", cost)), job.out());
    for (String file : List.of("summary.json", "metrics.json")) {
      Map<?, ?> json =
          new ObjectMapper().readValue(folder.resolve("one").resolve(file).toFile(), Map.class);
      assertEquals(cost, json.get("cost"));
    }
  }

  @Test
  void thePlanChangesNoResult() throws IOException {
    List<String> rows = rows();
    Map<String, String> planned = edited(manifest("rows.csv", rows), "planned");
    assertEquals(16, planned.size());
    assertTrue(planned.get("gone").contains("IMAGE_NOT_FOUND"), planned.toString());
    assertNull(result().get("cost"));
    List<String> reversed = new ArrayList<>(rows);
    Collections.reverse(reversed);
    String other = manifest("reversed.csv", reversed);
    assertEquals(planned, edited(other, "one", "--partitions=1", "--gpu-hour-price=3600"));
    theRunHasACost();
    // A second run finds nothing to do but the failed rows.
    assertEquals(2, job.edit(manifest("rows.csv", rows), folder + "/planned"), job::err);
    assertEquals(0, job.edited());
  }
}
