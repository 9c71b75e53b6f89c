package io.glmimage.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.glmimage.image.ImageEncoder;
import io.glmimage.image.RgbImage;
import io.glmimage.spark.FakeEngines;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("spark")
class ValidateJobTest {
  private static Session session;

  @TempDir private Path folder;
  private final ByteArrayOutputStream outBytes = new ByteArrayOutputStream();
  private final ByteArrayOutputStream errBytes = new ByteArrayOutputStream();

  @BeforeAll
  static void start() {
    session = Session.open("local[2]");
  }

  @AfterAll
  static void stop() {
    session.close();
  }

  private int run(String... args) {
    outBytes.reset();
    errBytes.reset();
    return EditImagesJob.run(
        List.of(args),
        FakeEngines::new,
        new PrintStream(outBytes),
        new PrintStream(errBytes),
        false);
  }

  private String out() {
    return outBytes.toString(StandardCharsets.UTF_8);
  }

  private String err() {
    return errBytes.toString(StandardCharsets.UTF_8);
  }

  private void png(String name, int height, int width) throws IOException {
    Path file = folder.resolve(name);
    Files.createDirectories(file.getParent());
    Files.write(file, ImageEncoder.png(new RgbImage(height, width, new byte[height * width * 3])));
  }

  @Test
  void findsWhatWouldFailAndEstimates() throws IOException {
    png("good.png", 96, 64);
    png("long.png", 32, 160);
    Files.write(folder.resolve("bad.png"), new byte[] {1, 2, 3});
    String manifest =
        Files.writeString(
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
    assertEquals(2, run("validate", "--manifest", manifest, "--full", "--json"), this::err);
    JsonNode report = new ObjectMapper().readTree(out());
    assertEquals(7, report.path("rows").asInt());
    assertEquals(5, report.path("bad_rows").asInt());
    assertEquals(1, report.at("/bad_by_class/IMAGE_NOT_FOUND").asInt());
    assertEquals(1, report.at("/bad_by_class/IMAGE_INVALID").asInt());
    assertEquals(2, report.at("/bad_by_class/REQUEST_REFUSED").asInt());
    assertEquals(1, report.at("/bad_by_class/INVALID_ROW").asInt());
    assertTrue(report.at("/examples/REQUEST_REFUSED").toString().contains("aspect ratio is 5.00"));
    // (96 x 64 x 10 steps + 992 x 1024 x 20 steps x 2 passes) / 2 rows
    assertEquals(20.34688, report.path("megapixel_steps_per_row").asDouble(), 1e-9);
    assertTrue(report.path("gpu_hours").isNull());

    assertEquals(
        2,
        run(
            "validate",
            "--manifest",
            manifest,
            "--full",
            "--seconds-per-megapixel-step=0.5",
            "--seconds-per-row=1",
            "--json"));
    assertEquals(
        2 * (20.34688 * 0.5 + 1) / 3600,
        new ObjectMapper().readTree(out()).path("gpu_hours").asDouble(),
        1e-12);

    // Without the sources, only what the rows themselves say is found.
    assertEquals(2, run("validate", "--manifest", manifest, "--sample", "0"));
    assertTrue(out().startsWith("7 rows, 2 bad"), out());
    assertTrue(out().contains("no estimate of GPU-hours"), out());
    assertEquals(2, run("validate", "--manifest", manifest, "--seconds-per-image", "36"));
    assertTrue(out().contains("sources of 7 rows looked at, 5 bad"), out());
    assertTrue(out().contains("about 0.05 GPU-hours"), out());

    assertEquals(1, run("validate", "--manifest", manifest, "--full", "--sample", "3"));
    assertEquals(1, run("validate", "--manifest", folder + "/none.csv"));
    Files.writeString(folder.resolve("twice.csv"), "id,prompt,image_paths\na,p,\na,p,\n");
    assertEquals(1, run("validate", "--manifest", folder + "/twice.csv"));
    assertTrue(err().contains("1 rows have the id of an earlier row (a)"), err());
  }

  @Test
  void aFolderOfImagesBecomesAManifest() throws IOException {
    png("set/b.png", 64, 64);
    png("set/a.PNG", 64, 64);
    png("set/deep/c.jpg", 64, 64);
    png("set/.hidden.png", 64, 64);
    Files.writeString(folder.resolve("set/notes.txt"), "x");
    String flat = folder + "/flat";
    String images = folder + "/set";
    assertEquals(
        0, run("manifest", "--images", images, "--prompt", "p", "--output", flat), this::err);
    assertTrue(out().startsWith("Wrote 2 rows"), out());
    List<Row> rows = session.spark().read().parquet(flat).orderBy("image_paths").collectAsList();
    // Relative, as the images lie below the manifest's folder.
    assertEquals("set/a.PNG", rows.get(0).getAs("image_paths"));
    assertNull(rows.get(0).getAs("seed"));
    assertTrue(rows.get(0).<String>getAs("id").startsWith("a-"), rows.toString());

    String all = folder + "/all";
    assertEquals(
        0,
        run(
            "manifest",
            "--images",
            images,
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
        this::err);
    assertTrue(out().startsWith("Wrote 18 rows"), out());
    assertEquals(18, session.spark().read().parquet(all).select("id").distinct().count());
    // What it makes, the job takes; ids do not depend on the other files.
    assertEquals(0, run("--manifest", all, "--output", folder + "/out"), this::err);
    Row row = session.spark().read().parquet(folder + "/out/results").head();
    assertEquals("car", row.getAs("object"));
    try (Stream<Path> left = Files.list(folder)) {
      assertFalse(left.anyMatch(p -> p.getFileName().toString().startsWith(".listing")));
    }

    assertEquals(1, run("manifest", "--images", images, "--prompt", "p", "--output", flat));
    assertTrue(err().contains("it exists"), err());
    assertEquals(1, run("manifest", "--images", images, "--output", flat + 2));
    assertTrue(err().contains("give one of --prompt"), err());
    assertEquals(
        1, run("manifest", "--images", images + "/none", "--prompt=p", "--output", flat + 2));
    Files.createDirectory(folder.resolve("empty"));
    assertEquals(
        1, run("manifest", "--images", folder + "/empty", "--prompt=p", "--output", flat + 2));
    assertTrue(err().contains("holds no images"), err());
    assertEquals(
        1,
        run(
            "manifest",
            "--images",
            images,
            "--prompt-template",
            "{seed}",
            "--values",
            "seed=1,2",
            "--output",
            flat + 2));
    assertTrue(err().contains("is the name of another column"), err());
  }
}
