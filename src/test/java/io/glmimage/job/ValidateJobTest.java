package io.glmimage.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("spark")
class ValidateJobTest extends SharedSession {
  /** Megapixel steps per row: (96 x 64 x 10 steps + 1024 x 1024 x 20 steps x 2 passes) / 2 rows. */
  private static final double PER_ROW = 21.00224;

  private final JobConsole job = new JobConsole();

  private void png(String name, int height, int width) throws IOException {
    Path file = folder.resolve(name);
    Files.createDirectories(file.getParent());
    Files.write(file, JobConsole.png(height, width, 0));
  }

  /** Seven rows, of which five would fail. */
  private String manifest() throws IOException {
    png("good.png", 96, 64);
    png("long.png", 32, 160);
    Files.write(folder.resolve("bad.png"), new byte[] {1, 2, 3});
    return Files.writeString(
            folder.resolve("rows.csv"),
            """
            id,prompt,image_paths,height,width,num_inference_steps,guidance_scale
            good,p,good.png,,,10,1
            sized,p,good.png,1000,1024,20,2
            gone,p,nope.png,,,,
            long,p,long.png,,,,
            bad,p,bad.png,,,,
            huge,p,good.png,8000,64,,
            none,,good.png,,,,
            """)
        .toString();
  }

  @Test
  void countsBadRowsByErrorClass() throws IOException {
    assertEquals(2, job.run("validate", "--manifest", manifest(), "--full", "--json"), job::err);
    JsonNode report = new ObjectMapper().readTree(job.out());
    assertEquals(7, report.path("rows").asInt());
    assertEquals(5, report.path("bad_rows").asInt());
    assertEquals(1, report.at("/bad_by_class/IMAGE_NOT_FOUND").asInt());
    assertEquals(1, report.at("/bad_by_class/IMAGE_INVALID").asInt());
    assertEquals(1, report.at("/bad_by_class/REQUEST_REFUSED").asInt());
    assertEquals(2, report.at("/bad_by_class/INVALID_ROW").asInt());
    assertTrue(report.at("/examples/REQUEST_REFUSED").toString().contains("aspect ratio is 5.00"));
    String invalid = report.at("/examples/INVALID_ROW").toString();
    assertTrue(invalid.contains("height is 8000, expected 32 to 4096 pixels"), invalid);
  }

  @Test
  void estimatesFromMegapixelSteps() throws IOException {
    assertEquals(
        2,
        job.run(
            "validate",
            "--manifest",
            manifest(),
            "--full",
            "--seconds-per-megapixel-step=0.5",
            "--seconds-per-row=1",
            "--json"));
    JsonNode report = new ObjectMapper().readTree(job.out());
    assertEquals(PER_ROW, report.path("megapixel_steps_per_row").asDouble(), 1e-9);
    double hours = 2 * (PER_ROW * 0.5 + 1) / 3600;
    assertEquals(hours, report.path("gpu_hours").asDouble(), 1e-12);
    JsonNode classes = report.path("size_classes");
    assertEquals(2, classes.size());
    assertEquals("up to 512 x 512", classes.at("/0/size").asText());
    assertEquals(
        hours,
        classes.at("/0/gpu_hours").asDouble() + classes.at("/1/gpu_hours").asDouble(),
        1e-12);
  }

  @Test
  void checksOnlyTheRowsThemselvesWithoutASample() throws IOException {
    String[] command = {
      "validate", "--manifest", manifest(), "--sample", "0", "--failed-rows-exit-code", "0"
    };
    assertEquals(0, job.run(command), job::err);
    assertTrue(job.out().startsWith("7 rows, 2 bad"), job.out());
    assertTrue(
        job.out().contains(" GPU-hours (scaled by a formula from what was measured on h100.bf16"),
        job.out());
  }

  @Test
  void checksTheSourcesOfASample() throws IOException {
    String[] priced = {"--seconds-per-image=36", "--gpu-hour-price=3", "--gpus=2"};
    assertEquals(2, job.run("validate", "--manifest", manifest(), priced[0], priced[1], priced[2]));
    assertTrue(
        job.out().startsWith("7 rows, 5 bad") && job.out().contains("sources of 7 rows checked"),
        job.out());
    assertTrue(
        job.out()
            .contains(
                "about 0.02 GPU-hours, 0.01 hours on 2 GPUs, costing 0.06 (from the given"
                    + " seconds)"),
        job.out());
    assertTrue(
        job.out()
            .contains("up to 512 x 512                 1         0.01         0.01         0.03"),
        job.out());
    assertTrue(
        job.out()
            .contains("up to 1024 x 1024               1         0.01         0.01         0.03"),
        job.out());
  }

  @Test
  void refusesOptionsAndManifestsThatCannotBeUsed() throws IOException {
    assertEquals(1, job.run("validate", "--manifest", manifest(), "--full", "--sample", "3"));
    assertEquals(1, job.run("validate", "--manifest", folder + "/none.csv"));
    Files.writeString(folder.resolve("twice.csv"), "id,prompt,image_paths\na,p,\na,p,\n");
    assertEquals(1, job.run("validate", "--manifest", folder + "/twice.csv"));
    assertTrue(job.err().contains("1 row has the id of an earlier row (a)"), job.err());
  }

  /** A folder with two images, and one more image in a folder below it. */
  private String images() throws IOException {
    png("set/b.png", 64, 64);
    png("set/a.PNG", 64, 64);
    png("set/deep/c.jpg", 64, 64);
    png("set/d.JFIF", 64, 64);
    png("set/.hidden.png", 64, 64);
    Files.writeString(folder.resolve("set/notes.txt"), "x");
    Files.writeString(folder.resolve("set/phone.HEIC"), "x");
    return folder + "/set";
  }

  @Test
  void aManifestOfAFolderNamesLinksWithoutTargetAndPipes() throws Exception {
    png("set/a.png", 64, 64);
    Files.createSymbolicLink(folder.resolve("set/b.png"), folder.resolve("gone.png"));
    new ProcessBuilder("mkfifo", folder + "/set/p.png").start().waitFor();
    assertEquals(
        0,
        job.run(
            "manifest", "--images", folder + "/set", "--prompt", "p", "--output", folder + "/m"),
        job::err);
    assertTrue(job.out().startsWith("Wrote 1 row"), job.out());
    assertTrue(
        job.out()
            .contains(
                "Left out: 1 file (pipes, sockets or devices), 1 file (symbolic links whose targets"
                    + " do not exist)"),
        job.out());
  }

  @Test
  void writesAManifestOfTheImagesOfAFolder() throws IOException {
    String flat = folder + "/flat";
    assertEquals(
        0, job.run("manifest", "--images", images(), "--prompt", "p", "--output", flat), job::err);
    assertTrue(job.out().startsWith("Wrote 3 rows"), job.out());
    assertTrue(
        job.out()
            .contains(
                "Left out: 1 subfolder (use --recursive to include subfolders), 1 file (.heic"
                    + " cannot be read: convert these to PNG or JPEG), 1 file (.txt is not an image"
                    + " format), 1 file (names that begin with . or _ are hidden)"),
        job.out());
    List<Row> rows = spark.read().parquet(flat).orderBy("image_paths").collectAsList();
    // Relative, because the images are below the manifest's folder.
    assertEquals("set/a.PNG", rows.get(0).getAs("image_paths"));
    assertNull(rows.get(0).getAs("seed"));
    assertTrue(rows.get(0).<String>getAs("id").startsWith("a-"), rows.toString());
    assertEquals(1, job.run("manifest", "--images", images(), "--prompt", "p", "--output", flat));
    assertTrue(job.err().contains("it already exists"), job.err());
  }

  @Test
  void writesAManifestOfAllPromptsAndSeedsThatTheJobReads() throws IOException {
    String all = folder + "/all";
    assertEquals(
        0,
        job.run(
            "manifest",
            "--images",
            images(),
            "--recursive",
            "--prompt-template",
            "make the {object} {color}",
            "--values",
            "object=car",
            "--values",
            "color=red,blue",
            "--seeds",
            "3",
            "--output",
            all),
        job::err);
    assertTrue(job.out().startsWith("Wrote 24 rows"), job.out());
    assertEquals(24, spark.read().parquet(all).select("id").distinct().count());
    assertEquals(0, job.run("--manifest", all, "--output", folder + "/out"), job::err);
    Row row = spark.read().parquet(folder + "/out/results").head();
    assertEquals("car", row.getAs("object"));
    try (Stream<Path> left = Files.list(folder)) {
      assertFalse(left.anyMatch(p -> p.getFileName().toString().startsWith(".listing")));
    }
  }

  @Test
  void aManifestOfAFolderLeavesOutWhatRunsHaveEdited() throws IOException {
    png("set/a.png", 64, 64);
    for (String output : List.of("set/done", "set/stopped", "set/others")) {
      png(output + "/images/x.png", 64, 64);
    }
    png("set/done/changes/x.png", 64, 64);
    png("set/done/other/y.png", 64, 64);
    Files.createDirectories(folder.resolve("set/done/results"));
    Files.createDirectories(folder.resolve("set/others/results"));
    Files.createDirectories(folder.resolve("set/stopped/_run/lines/1"));
    // Another program's table is no output folder.
    for (String file :
        List.of(
            "done/results/_SUCCESS",
            "done/summary.json",
            "others/results/_SUCCESS",
            "stopped/_run/lines/1/0.json")) {
      Files.writeString(folder.resolve("set/" + file), "x");
    }
    String manifest = folder + "/rows";
    assertEquals(
        0,
        job.run(
            "manifest",
            "--images",
            folder + "/set",
            "--recursive",
            "--prompt=p",
            "--output",
            manifest),
        job::err);
    assertTrue(
        job.out()
            .contains(
                "3 files (images that a run has edited: to edit them again, give its output folder"
                    + " as --manifest)"),
        job.out());
    assertEquals(
        List.of("set/a.png", "set/done/other/y.png", "set/others/images/x.png"),
        spark
            .read()
            .parquet(manifest)
            .orderBy("image_paths")
            .select("image_paths")
            .collectAsList()
            .stream()
            .map(row -> row.getString(0))
            .toList());
  }

  @Test
  void refusesToWriteAManifestWithoutImagesOrPrompts() throws IOException {
    String images = images();
    String output = folder + "/manifest";
    assertEquals(1, job.run("manifest", "--images", images, "--output", output));
    assertTrue(job.err().contains("give one of --prompt"), job.err());
    assertEquals(
        1, job.run("manifest", "--images", images + "/none", "--prompt=p", "--output", output));
    Files.createDirectory(folder.resolve("empty"));
    assertEquals(
        1, job.run("manifest", "--images", folder + "/empty", "--prompt=p", "--output", output));
    assertTrue(job.err().contains("holds no images"), job.err());
    assertEquals(
        1,
        job.run(
            "manifest",
            "--images",
            images,
            "--prompt-template",
            "{seed}",
            "--values",
            "seed=1,2",
            "--output",
            output));
    assertTrue(job.err().contains("is the name of another column"), job.err());
  }
}
