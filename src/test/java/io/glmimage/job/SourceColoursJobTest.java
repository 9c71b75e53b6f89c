package io.glmimage.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.glmimage.image.ExifCopy;
import io.glmimage.image.KeptMetadata;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("spark")
class SourceColoursJobTest extends SharedSession {
  private static final Path RESOURCES = Path.of("src/test/resources");
  private static final ObjectMapper JSON = new ObjectMapper();

  private final JobConsole job = new JobConsole();

  private void source(String name) throws IOException {
    Files.copy(RESOURCES.resolve(name), folder.resolve(Path.of(name).getFileName().toString()));
  }

  private String manifest() throws IOException {
    List<String> names = List.of("jpeg_p3.jpg", "png_rgba.png", "gif_animated.gif", "exif.jpg");
    source("colours/jpeg_p3.jpg");
    source("images/png_rgba.png");
    source("images/gif_animated.gif");
    source("colours/exif.jpg");
    byte[] broken = Files.readAllBytes(folder.resolve("jpeg_p3.jpg"));
    broken[new String(broken, StandardCharsets.ISO_8859_1).indexOf("acsp")] = 'x';
    Files.write(folder.resolve("broken.jpg"), broken);
    StringBuilder rows = new StringBuilder("id,prompt,image_paths\nbroken,p,broken.jpg\n");
    names.forEach(name -> rows.append(name + ",p," + name + "\n"));
    return Files.writeString(folder.resolve("rows.csv"), rows).toString();
  }

  private static void assertCounts(JsonNode sources) {
    assertEquals(
        "{\"read\":5,\"transparency\":1,\"more_frames\":1,\"colour_profile\":1,"
            + "\"unusable_profile\":1}",
        sources.toString());
  }

  private byte[] edited(String id) throws IOException {
    return Files.readAllBytes(folder.resolve("out/images/" + id + ".png"));
  }

  @Test
  void sourcesAreCountedAndOptionsThatChangeImagesEditAgain() throws IOException {
    String manifest = manifest();
    String output = folder + "/out";
    String[] sizes = {"--height", "32", "--width", "32"};
    assertEquals(0, job.edit(manifest, output, sizes), job::err);
    assertCounts(JSON.readTree(Path.of(output, "summary.json").toFile()).path("sources"));
    assertTrue(
        job.err()
            .contains("1 source image with a colour profile that cannot be used: read as sRGB"),
        job::err);
    assertTrue(
        job.err().contains("1 source image with several frames or pages: the first is edited"),
        job::err);
    assertEquals(0, ExifCopy.of(edited("exif.jpg"), KeptMetadata.EXIF_GPS).length);

    assertEquals(0, job.edit(manifest, output, sizes), job::err);
    assertEquals(0, job.edited());
    String[][] others = {
      {"--transparency", "white"}, {"--colour", "ignore"}, {"--keep-metadata", "exif+gps"}
    };
    for (String[] other : others) {
      String[] all = {"--height", "32", "--width", "32", other[0], other[1]};
      assertEquals(0, job.edit(manifest, output, all), job::err);
      assertEquals(5, job.edited(), other[0]);
    }
    byte[] exif = ExifCopy.of(edited("exif.jpg"), KeptMetadata.EXIF_GPS);
    assertTrue(new String(exif, StandardCharsets.ISO_8859_1).contains("Maker"));
    assertEquals(0, ExifCopy.of(edited("png_rgba.png"), KeptMetadata.EXIF_GPS).length);

    assertEquals(1, job.edit(manifest, output, "--transparency", "clear"), job::err);
    assertTrue(job.err().contains("Invalid --transparency: clear, expected drop"), job::err);
  }

  @Test
  void validateCountsTheHeaders() throws IOException {
    String manifest = manifest();
    assertEquals(
        0,
        job.run(
            "validate", "--manifest", manifest, "--json", "--height=32", "--transparency=white"),
        job::err);
    JsonNode report = JSON.readTree(job.out());
    assertCounts(report.path("sources"));
    assertEquals(
        "1 source image with transparency: put on a background of #ffffff",
        report.path("source_notes").get(0).asText());
    assertEquals(0, job.run("validate", "--manifest", manifest, "--full", "--colour=ignore"));
    assertTrue(
        job.out().contains("1 source image with a colour profile: the profile is ignored"),
        job::out);
  }
}
