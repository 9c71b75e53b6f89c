package io.glmimage.pipeline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;

import io.glmimage.error.NotFiniteException;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import io.glmimage.tensor.Compute;
import io.glmimage.weights.CheckpointFolder;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A checkpoint whose prior computes values that are not finite. */
class PriorNotFiniteTest {
  private static final String WEIGHTS = "vision_language_encoder/model.safetensors";

  @TempDir private static Path folder;

  @BeforeAll
  static void copy() throws IOException {
    CheckpointCopy.base(folder.resolve("base"));
  }

  /** Edits one row with a source image and one without. */
  private static List<EditResult> edit(String name, String... damaged) throws IOException {
    CheckpointCopy copy =
        CheckpointCopy.link(folder.resolve("base"), folder.resolve(name.replace('/', '-')));
    for (String tensor : damaged) {
      copy.change(
          WEIGHTS,
          tensor,
          stored -> {
            // The first value, in bfloat16.
            stored.data()[0] = (byte) 0xC0;
            stored.data()[1] = 0x7F;
            return stored;
          });
    }
    Scene scene = new Scene(1, 64);
    try (GlmImagePipeline pipeline =
        GlmImagePipeline.load(CheckpointFolder.open(copy.root), Compute.cpu())) {
      return pipeline.edit(
          List.of(
              new EditRequest(
                  "edit", scene.prompt, List.of(scene.draw()), null, null, 1, 1.5, 7, 0),
              new EditRequest("text", "a red circle", List.of(), 64, 64, 1, 1.5, 7, 0)));
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "lm_head.weight",
        "model.language_model.layers.0.input_layernorm.weight",
        "model.language_model.layers.4.mlp.down_proj.weight",
        "model.language_model.norm.weight"
      })
  void weightsOfTheTextModelThatAreNotNumbersFailEveryRow(String tensor) throws IOException {
    for (EditResult result : edit(tensor, tensor)) {
      assertInstanceOf(NotFiniteException.class, result.error(), result.id());
      assertEquals(
          "Cannot use the prior: its numbers are not finite after generating the image tokens (seed"
              + " 7); the checkpoint may be damaged (compare its files with their source), or use"
              + " --precision auto if it is fp8",
          result.error().getMessage());
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "model.visual.patch_embed.proj.weight",
        "model.vqmodel.quant_conv.weight",
        "model.vqmodel.quantize.embedding.weight"
      })
  void weightsOfTheVisionModelThatAreNotNumbersFailRowsWithSources(String tensor)
      throws IOException {
    List<EditResult> results = edit(tensor, tensor);
    assertInstanceOf(NotFiniteException.class, results.get(0).error());
    assertEquals(
        "Cannot use the prior: its numbers are not finite after reading a source image; the"
            + " checkpoint may be damaged (compare its files with their source), or use"
            + " --precision auto if it is fp8",
        results.get(0).error().getMessage());
    assertNull(results.get(1).error());
  }

  @Test
  void theSameRowsOfAnIntactCheckpointAreEdited() throws IOException {
    for (EditResult result : edit("intact")) {
      assertNull(result.error(), result.id());
    }
  }
}
