package io.glmimage.pipeline;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.glmimage.golden.GoldenCase;
import io.glmimage.golden.Tolerance;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import io.glmimage.weights.Adapter;
import io.glmimage.weights.CheckpointFolder;
import io.glmimage.weights.SafetensorsFile;
import io.glmimage.weights.Weights;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The reference with LoRA adapters that peft applies, and with an image processor like the
 * published one. {@code src/test/python/make_adapters.py} made the expectations.
 */
@Tag("parity")
class ReferenceVariantsTest {
  private static final Path REFERENCE = Path.of("src/test/resources/reference");
  private static final GoldenCase LORA = GoldenCase.of(REFERENCE.resolve("lora.json"));
  private static final GoldenCase PROCESSOR = GoldenCase.of(REFERENCE.resolve("processor.json"));
  private static final List<Adapter> ADAPTERS =
      List.of(
          adapter("peft-transformer", 1),
          adapter("peft-transformer-second", 0.6),
          adapter("peft-prior", 1));

  @TempDir private Path temporary;

  private static Adapter adapter(String name, double scale) {
    return new Adapter(REFERENCE.resolve("adapters").resolve(name), name, scale);
  }

  @Test
  void mergedWeightsAreThoseOfPeft() {
    CheckpointFolder folder = LORA.checkpoint().withAdapters(ADAPTERS);
    SafetensorsFile expected = SafetensorsFile.open(REFERENCE.resolve("merged.safetensors"));
    int compared = 0;
    for (String component : List.of("transformer", "vision_language_encoder")) {
      try (TensorScope scope = new TensorScope();
          Weights weights = folder.weights(component, Compute.cpu())) {
        for (String name : expected.names()) {
          if (name.startsWith(component + "/")) {
            String tensor = name.substring(component.length() + 1);
            new Tolerance(1e-6, 1e-6)
                .check(
                    LORA.name(),
                    tensor,
                    Ops.toFloats(expected.tensor(name)),
                    Ops.toFloats(weights.getFloat(tensor, expected.shape(name))));
            compared++;
          }
        }
      }
    }
    assertEquals(22, compared);
  }

  @Test
  void editsWithAdaptersFollowTheReference() throws IOException {
    try (GlmImagePipeline pipeline =
        GlmImagePipelineParityTest.greedy(LORA.checkpoint().withAdapters(ADAPTERS))) {
      GlmImagePipelineParityTest.check(LORA, pipeline);
    }
  }

  @Test
  void theFormOfDiffusersGivesTheSameWeights() {
    assertArrayEquals(query("peft-transformer-second"), query("diffusers-transformer"));
  }

  private static float[] query(String adapter) {
    CheckpointFolder folder = LORA.checkpoint().withAdapters(List.of(adapter(adapter, 0.6)));
    try (TensorScope scope = new TensorScope();
        Weights weights = folder.weights("transformer", Compute.cpu())) {
      return Ops.toFloats(weights.get("transformer_blocks.1.attn1.to_q.weight", 48, 48));
    }
  }

  @Test
  void editsWithThePublishedNormalisationFollowTheReference() throws IOException {
    Path model = temporary.resolve("model");
    PublishedFolder.copy(PROCESSOR.checkpoint().root(), model);
    Path config = model.resolve("processor/preprocessor_config.json");
    Files.delete(config);
    Files.copy(REFERENCE.resolve("preprocessor_config.json"), config);
    try (GlmImagePipeline pipeline =
        GlmImagePipelineParityTest.greedy(CheckpointFolder.open(model))) {
      GlmImagePipelineParityTest.check(PROCESSOR, pipeline);
    }
  }
}
