package io.glmimage.job;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.glmimage.image.ImageDecoder;
import io.glmimage.io.LocalFileSource;
import io.glmimage.pipeline.TestAdapter;
import io.glmimage.s3.FolderS3;
import io.glmimage.spark.engine.CheckpointModel;
import io.glmimage.weights.AdapterFiles;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Edits with LoRA adapters, and what a resumed run does with another one. */
@Tag("spark")
class LoraJobTest extends SharedSession {
  private static final ObjectMapper JSON = new ObjectMapper();
  private final JobConsole job = new JobConsole();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  private String manifest() throws IOException {
    Files.write(folder.resolve("a.png"), JobConsole.png(64, 64, 90));
    return Files.writeString(
            folder.resolve("rows.csv"), "id,prompt,image_paths\na,make it red,a.png\n")
        .toString();
  }

  /** Runs {@code edit} with the real engine. */
  private int edit(String manifest, Path output, String... more) {
    err.reset();
    List<String> args =
        new ArrayList<>(
            List.of("edit", "--manifest", manifest, "--output", output.toString(), "--steps=1"));
    args.add("--device=cpu");
    args.addAll(List.of(more));
    return EditImagesJob.run(
        args,
        CheckpointModel::new,
        new PrintStream(new ByteArrayOutputStream()),
        new PrintStream(err),
        false);
  }

  private String said() {
    return err.toString(StandardCharsets.UTF_8);
  }

  private static String digest(Path output) {
    Row row = JobConsole.results(spark, output.toString()).get("a");
    return row.getAs("output_sha256");
  }

  @Test
  void adaptersAreMergedAndArePartOfTheModelsIdentity() throws IOException {
    String manifest = manifest();
    Path output = folder.resolve("out");
    Path adapter = TestAdapter.write(folder.resolve("adapter"), 1);
    Path copy = TestAdapter.write(folder.resolve("copy"), 1);

    assertEquals(0, edit(manifest, output, "--lora", adapter + "=0.5"), this::said);
    String half = digest(output);
    JsonNode summary = JSON.readTree(output.resolve("summary.json").toFile());
    assertEquals(adapter + "=0.5", summary.path("options").path("lora").asText());
    String model = "glm-image-tiny with " + adapter + "=0.5";
    assertEquals(model, summary.path("model").asText());
    assertEquals(
        model, JobConsole.results(spark, output.toString()).get("a").<String>getAs("model"));
    JsonNode merged = summary.path("adapters").path(0);
    assertTrue(merged.path("adapter").asText().endsWith(adapter.toString()), merged.toString());
    assertEquals(0.5, merged.path("scale").asDouble());
    assertEquals(AdapterFiles.digest(new LocalFileSource(adapter)), merged.path("sha256").asText());

    assertEquals(0, edit(manifest, output, "--lora", copy + "=0.5"), this::said);
    assertTrue(said().contains("The row is already finished"), said());

    assertEquals(0, edit(manifest, output, "--lora", adapter.toString()), this::said);
    assertFalse(said().contains("already finished"), said());
    assertNotEquals(half, digest(output));
  }

  @Test
  @Tag("s3")
  void modelAndAdapterAreReadFromS3() throws IOException {
    String manifest = manifest();
    Path bucket = folder.resolve("objects");
    Path tiny = Path.of("src/main/resources/models/glm-image-tiny");
    try (Stream<Path> files = Files.walk(tiny)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        Path copy = bucket.resolve("model").resolve(tiny.relativize(file).toString());
        Files.createDirectories(copy.getParent());
        Files.copy(file, copy);
      }
    }
    Path adapter = TestAdapter.write(bucket.resolve("adapter"), 1);
    Path local = folder.resolve("local");
    assertEquals(0, edit(manifest, local, "--lora", adapter + "=0.5"), this::said);

    Configuration hadoop = spark.sparkContext().hadoopConfiguration();
    try (FolderS3 s3 = FolderS3.start(bucket)) {
      hadoop.set("fs.s3a.endpoint", "http://127.0.0.1:" + s3.port());
      hadoop.set("fs.s3a.path.style.access", "true");
      hadoop.set("fs.s3a.access.key", "reader");
      hadoop.set("fs.s3a.secret.key", "secret");
      hadoop.set("fs.s3a.connection.ssl.enabled", "false");
      String root = "s3a://" + FolderS3.BUCKET + "/";
      for (String weights : List.of("broadcast", "direct")) {
        Path output = folder.resolve(weights);
        List<String> options = new ArrayList<>(List.of("--model", root + "model"));
        options.addAll(List.of("--lora", root + "adapter=0.5", "--weights", weights));
        options.addAll(List.of("--weights-cache", folder + "/cache"));
        assertEquals(0, edit(manifest, output, options.toArray(String[]::new)), this::said);
        assertArrayEquals(pixels(local), pixels(output), weights);
        assertEquals(
            root + "model with " + root + "adapter=0.5",
            JobConsole.results(spark, output.toString()).get("a").<String>getAs("model"));
      }
      assertEquals(
          1,
          edit(manifest, folder.resolve("none"), "--model", root + "model", "--lora", root + "no"));
      assertTrue(said().contains("adapter " + root + "no is not a folder"), this::said);
    } finally {
      FileSystem.closeAll();
    }
  }

  private static byte[] pixels(Path output) throws IOException {
    byte[] file = Files.readAllBytes(output.resolve("images/a.png"));
    return ImageDecoder.decode(file, output.toString()).pixels();
  }

  @Test
  void anAdapterThatDoesNotFitIsRefusedBeforeAnyWork() throws IOException {
    String manifest = manifest();
    Path output = folder.resolve("out");
    Path adapter = TestAdapter.write(folder.resolve("adapter"), 1);
    Files.writeString(adapter.resolve("adapter_config.json"), "{\"r\": 3}");
    String problem =
        "adapter "
            + adapter
            + ": tensor base_model.model.proj_out.lora_A.weight has rank 2, the configuration says"
            + " 3; 1 layer more differ: was it trained on this model?";

    assertEquals(1, edit(manifest, output, "--lora", adapter.toString()));
    assertTrue(said().contains("has these problems (nothing was done):\n  - " + problem), said());
    assertFalse(Files.exists(output));

    assertEquals(1, edit(manifest, output, "--lora", folder + "/none"));
    assertTrue(said().contains("adapter " + folder + "/none is not a folder"), said());

    assertEquals(1, edit(manifest, output, "--lora", adapter + "=much"));
    assertTrue(said().contains("Invalid --lora: " + adapter + "=much, expected"), said());

    assertEquals(
        1, job.run("validate", "--manifest", manifest, "--lora", adapter.toString()), job::err);
    assertTrue(job.out().contains("  - " + problem), job.out());

    String file = adapter + "/adapter_config.json";
    assertEquals(1, job.run("inspect-model", "--model=demo", "--lora", file), job::err);
    assertTrue(
        job.err().contains("there is no adapter folder " + file + "; it is a file: put it into"),
        job.err());
    assertEquals(1, job.run("inspect-model", "--model", file), job::err);
    assertTrue(
        job.err().contains("there is no folder " + file + "; it is a file, and single-file"),
        job.err());

    TestAdapter.write(adapter, 1);
    assertEquals(
        0, job.run("inspect-model", "--model=demo", "--lora", adapter + "=-0.5"), job::err);
    assertTrue(
        job.out().contains("LoRA adapter " + adapter + ", scale -0.5: 2 layers of transformer"),
        job.out());
  }
}
