package io.glmimage.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.glmimage.spark.engine.CheckpointModel;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The model is inspected before work begins, and the demonstration model is called by its name. */
@Tag("spark")
class ModelCheckJobTest extends SharedSession {
  private static final Path TINY = Path.of("src/main/resources/models/glm-image-tiny");
  private static final ObjectMapper JSON = new ObjectMapper();
  private final JobConsole job = new JobConsole();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  private String manifest() throws IOException {
    Files.write(folder.resolve("a.png"), JobConsole.png(64, 64, 0));
    return Files.writeString(
            folder.resolve("rows.csv"), "id,prompt,image_paths\na,make it red,a.png\n")
        .toString();
  }

  private Path model() throws IOException {
    Path model = folder.resolve("model");
    try (Stream<Path> files = Files.walk(TINY)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        Path copy = model.resolve(TINY.relativize(file).toString());
        Files.createDirectories(copy.getParent());
        Files.copy(file, copy);
      }
    }
    return model;
  }

  private static void remove(Path file, String key) throws IOException {
    ObjectNode config = (ObjectNode) JSON.readTree(file.toFile());
    config.remove(key);
    Files.write(file, JSON.writeValueAsBytes(config));
  }

  /** Runs a command with the real engine. */
  private int real(String... args) {
    return EditImagesJob.run(
        List.of(args),
        CheckpointModel::new,
        new PrintStream(new ByteArrayOutputStream()),
        new PrintStream(err),
        false);
  }

  @Test
  void editNamesAllProblemsBeforeItTouchesAnything() throws IOException {
    Path model = model();
    remove(model.resolve("vae/config.json"), "latents_mean");
    remove(model.resolve("transformer/config.json"), "num_layers");
    Files.delete(model.resolve("processor/tokenizer.json"));
    Path output = folder.resolve("out");

    int code =
        real(
            "edit",
            "--manifest",
            manifest(),
            "--output",
            output.toString(),
            "--model",
            model.toString());

    String said = err.toString(StandardCharsets.UTF_8);
    assertEquals(ExitCode.USAGE, code, said);
    assertTrue(said.contains("has these problems (nothing was done):"), said);
    assertTrue(said.contains("  - vae/config.json has no \"latents_mean\""), said);
    assertTrue(said.contains("  - transformer/config.json has no \"num_layers\""), said);
    assertTrue(said.contains("  - processor/tokenizer.json is missing"), said);
    assertFalse(Files.exists(output));
  }

  @Test
  void anInspectedModelEdits() throws IOException {
    Path output = folder.resolve("out");

    int code =
        real(
            "edit",
            "--manifest",
            manifest(),
            "--output",
            output.toString(),
            "--model",
            model().toString(),
            "--steps=1",
            "--device=cpu");

    assertEquals(ExitCode.DONE, code, () -> err.toString(StandardCharsets.UTF_8));
    JsonNode summary = JSON.readTree(output.resolve("summary.json").toFile());
    assertFalse(summary.path("demonstration_model").asBoolean(true));
    assertFalse(Files.readString(output.resolve("report.html")).contains("demonstration model"));
  }

  @Test
  void validateInspectsTheModel() throws IOException {
    Path model = model();
    String manifest = manifest();
    assertEquals(
        0,
        job.run("validate", "--manifest", manifest, "--model", model.toString(), "--json"),
        job::err);
    JsonNode fields = JSON.readTree(job.out()).path("model");
    assertTrue(fields.path("usable").asBoolean());
    assertFalse(fields.path("demonstration_model").asBoolean(true));
    assertEquals(4, fields.path("parts").size());

    // The estimate follows the limits of the checkpoint's own processor.
    assertEquals(0.0082, megapixelSteps(manifest, model), 0.0001);
    Path processor = model.resolve("processor/preprocessor_config.json");
    ObjectNode config = (ObjectNode) JSON.readTree(processor.toFile());
    config.putObject("size").put("shortest_edge", 128 * 128).put("longest_edge", 256 * 256);
    Files.write(processor, JSON.writeValueAsBytes(config));
    assertEquals(0.0328, megapixelSteps(manifest, model), 0.0001);

    remove(model.resolve("vae/config.json"), "latents_mean");
    assertEquals(1, job.run("validate", "--manifest", manifest, "--model", model.toString()));
    assertTrue(job.out().startsWith("1 row, 0 bad"), job.out());
    assertTrue(job.out().contains("1 problem:"), job.out());
    assertTrue(job.out().contains("  - vae/config.json has no \"latents_mean\""), job.out());

    assertEquals(1, job.run("validate", "--manifest", manifest, "--model", folder + "/none"));
    assertTrue(job.err().contains("there is no folder " + folder + "/none"), job.err());
  }

  private double megapixelSteps(String manifest, Path model) throws IOException {
    String[] once = {"--steps=1", "--guidance-scale=2", "--json"};
    assertEquals(
        0,
        job.run(
            "validate", "--manifest=" + manifest, "--model=" + model, once[0], once[1], once[2]),
        job::err);
    return JSON.readTree(job.out()).path("megapixel_steps_per_row").asDouble();
  }

  @Test
  void theDemonstrationModelIsCalledByItsName() throws IOException {
    String manifest = manifest();
    String note = "the embedded demonstration model, which knows coloured shapes only";
    assertEquals(0, job.run("validate", "--manifest", manifest));
    assertTrue(job.out().contains("Model: none is given; edit then uses " + note), job.out());
    assertEquals(0, job.run("validate", "--manifest", manifest, "--model", "demo", "--json"));
    JsonNode fields = JSON.readTree(job.out()).path("model");
    assertTrue(fields.path("demonstration_model").asBoolean());
    assertEquals("glm-image-tiny", fields.path("model").asText());

    Path output = folder.resolve("out");
    assertEquals(0, job.edit(manifest, output.toString()), job::err);
    assertTrue(
        job.err().startsWith("No --model is given: images are edited by " + note), job.err());
    JsonNode summary = JSON.readTree(output.resolve("summary.json").toFile());
    assertTrue(summary.path("demonstration_model").asBoolean());
    assertEquals("glm-image-tiny", summary.path("model").asText());
    assertTrue(
        Files.readString(output.resolve("report.html"))
            .contains(
                "glm-image-tiny (the demonstration model, which knows coloured shapes only)"));

    // The same model under its name: nothing is edited again.
    assertEquals(0, job.edit(manifest, output.toString(), "--model", "demo"), job::err);
    assertFalse(job.err().contains("No --model"), job.err());
    assertEquals(0, job.edited());
  }

  @Test
  void theDemonstrationModelCanBeInspected() {
    assertEquals(0, job.run("inspect-model", "--model", "demo"), job::err);
    assertTrue(job.out().contains("No problems: the model can be loaded."), job.out());
  }
}
