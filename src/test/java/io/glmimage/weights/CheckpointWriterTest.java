package io.glmimage.weights;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.glmimage.image.RgbImage;
import io.glmimage.predict.EngineSettings;
import io.glmimage.predict.GlmImageEngine;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import io.glmimage.tensor.DeviceName;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CheckpointWriterTest {
  private static final Path MODELS = Path.of("src/main/resources/models");
  private static final Path TINY = MODELS.resolve("glm-image-tiny");

  @TempDir private Path folder;

  /** The tensors must be those of the tiny model's files. */
  @Test
  void knowsTheTensorsOfAModel() {
    var shapes = CheckpointWriter.shapes(TINY);
    for (String component :
        List.of(
            "vae/diffusion_pytorch_model",
            "transformer/diffusion_pytorch_model",
            "text_encoder/model",
            "vision_language_encoder/model")) {
      SafetensorsFile file = SafetensorsFile.open(TINY.resolve(component + ".safetensors"));
      var asked = shapes.get(Path.of(component).getParent().toString());
      int found = 0;
      for (String name : file.names()) {
        if (asked.containsKey(name)) {
          assertArrayEquals(file.shape(name), asked.get(name), name);
          found++;
        }
      }
      assertEquals(asked.size(), found, component);
    }
  }

  @Test
  void theRealGeometryHasThirtyThreeGigabytes() {
    long values =
        CheckpointWriter.shapes(MODELS.resolve("glm-image-geometry")).values().stream()
            .flatMap(component -> component.values().stream())
            .mapToLong(shape -> java.util.Arrays.stream(shape).reduce(1, (a, b) -> a * b))
            .sum();
    assertEquals(33e9, 2.0 * values, 3e9);
  }

  /** With another vocabulary than the tiny model's. Loading must report its progress to the end. */
  @Test
  void whatItWritesLoadsAndEdits() throws Exception {
    Path geometry = folder.resolve("geometry");
    moveIds(geometry);
    Path model = folder.resolve("model");
    long bytes = CheckpointWriter.write(geometry, TINY, model);
    List<Long> loaded = new ArrayList<>();
    long[] total = new long[1];
    try (GlmImageEngine engine =
        GlmImageEngine.load(
            model,
            List.of(),
            EngineSettings.of(DeviceName.CPU),
            (now, all) -> {
              loaded.add(now);
              total[0] = all;
            })) {
      assertTrue(total[0] >= bytes && total[0] < bytes * 1.1, total[0] + " of " + bytes);
      assertEquals(loaded.stream().sorted().toList(), loaded);
      assertTrue(loaded.get(loaded.size() - 1) > 0.9 * total[0]);
      EditResult result =
          engine
              .edit(
                  List.of(
                      new EditRequest(
                          "a",
                          "make the circle green",
                          List.of(new RgbImage(64, 64, new byte[64 * 64 * 3])),
                          64,
                          64,
                          1,
                          1.5,
                          0)))
              .get(0);
      assertTrue(result.ok(), String.valueOf(result.error()));
    }
  }

  private static void moveIds(Path geometry) throws Exception {
    CheckpointWriterTest.copy(TINY, geometry);
    ObjectMapper json = new ObjectMapper();
    var file = geometry.resolve("vision_language_encoder/config.json").toFile();
    ObjectNode config = (ObjectNode) json.readTree(file);
    config.put("image_token_id", 1855);
    ObjectNode text = (ObjectNode) config.get("text_config");
    text.put("pad_token_id", 1852).put("vocab_size", 1860).put("vision_vocab_size", 1300);
    json.writeValue(file, config);
  }

  private static void copy(Path from, Path to) throws Exception {
    try (var files = java.nio.file.Files.walk(from, 2)) {
      for (Path file : files.filter(f -> f.toString().endsWith(".json")).toList()) {
        Path target = to.resolve(from.relativize(file).toString());
        java.nio.file.Files.createDirectories(target.getParent());
        java.nio.file.Files.copy(file, target);
      }
    }
  }
}
