package io.glmimage.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.glmimage.spark.engine.CheckpointModel;
import io.glmimage.tensor.Libtorch;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code --kernels} from the command line to {@code summary.json}, with the embedded model. */
@Tag("spark")
class KernelsJobTest {
  private static Session session;

  @TempDir private Path folder;
  private String manifest;
  private String err;

  @BeforeAll
  static void start() {
    session = Session.open("local[1]", "test");
  }

  @AfterAll
  static void stop() {
    session.close();
  }

  @BeforeEach
  void manifest() throws IOException {
    Files.write(folder.resolve("0.png"), JobConsole.png(32, 32, 90));
    manifest =
        Files.writeString(
                folder.resolve("rows.jsonl"),
                """
                {"id": "a", "prompt": "make it red", "image_paths": "0.png"}
                """)
            .toString();
  }

  private int edit(String device, String output, String... more) {
    List<String> args = new ArrayList<>(List.of("--manifest", manifest, "--output", output));
    args.addAll(List.of("--steps", "1", "--device", device));
    args.addAll(List.of(more));
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    int code =
        EditImagesJob.run(
            args,
            CheckpointModel::new,
            new PrintStream(new ByteArrayOutputStream()),
            new PrintStream(printed),
            false);
    err = printed.toString(StandardCharsets.UTF_8);
    return code;
  }

  private JsonNode summary(String output) throws IOException {
    return new ObjectMapper().readTree(Path.of(output, "summary.json").toFile());
  }

  private static void assertEach(String choice, String reason, JsonNode kernels) {
    assertTrue(kernels.has("ada_layer_norm") && kernels.has("decode_attention"), kernels + "");
    for (JsonNode kernel : kernels) {
      assertEquals(choice, kernel.path("choice").asText());
      assertEquals(reason, kernel.path("reason").asText());
    }
  }

  @Test
  void theSummaryGivesChoiceAndReasonOfEveryOperation() throws IOException {
    String output = folder + "/out";
    assertEquals(0, edit("cpu", output), () -> err);
    JsonNode auto = summary(output);
    assertEach("native", "no CUDA device", auto.path("kernels"));
    assertEquals("auto", auto.path("options").path("kernels").asText());

    // Native kernels on a CPU give the same image, so the finished row is kept.
    assertEquals(0, edit("cpu", output, "--kernels", "native"), () -> err);
    JsonNode kept = summary(output);
    assertEquals(1, kept.path("kept").asInt());
    assertTrue(kept.path("kernels").isEmpty(), "nothing was edited");

    String other = folder + "/native";
    assertEquals(0, edit("cpu", other, "--kernels", "native"), () -> err);
    assertEach("native", "--kernels native", summary(other).path("kernels"));
  }

  @Test
  void forcedKernelsOnACpuAreAnErrorBeforeAnyWork() {
    assertEquals(1, edit("cpu", folder + "/out", "--kernels", "fused"));
    assertTrue(
        err.contains(
            "Invalid --kernels: fused needs a GPU, but --device is cpu; use auto or native"),
        err);
  }

  @Test
  void forcedKernelsOnAHostWithoutAGpuAreAnErrorWhenTheModelIsLoaded() {
    assumeFalse(Libtorch.cudaAvailable(), "Skipped: this host has a GPU");
    assertTrue(edit("auto", folder + "/out", "--kernels", "fused") > 0, err);
    assertTrue(
        err.contains("Cannot run fused kernels: no CUDA device, the model runs on cpu"), err);
  }
}
