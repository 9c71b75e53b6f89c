package io.glmimage.pipeline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.glmimage.io.LocalFileSource;
import io.glmimage.pipeline.CheckpointReport.Part;
import io.glmimage.weights.PublishedCheckpoint.Comparison;
import io.glmimage.weights.PublishedCheckpoint.State;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CheckpointInspectorTest {
  private static final Path TINY = Path.of("src/main/resources/models/glm-image-tiny");
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir private Path temporary;
  private Path model;

  @BeforeEach
  void copyModel() throws IOException {
    model = temporary.resolve("model");
    for (String folder :
        List.of(
            "processor",
            "scheduler",
            "text_encoder",
            "tokenizer",
            "transformer",
            "vae",
            "vision_language_encoder")) {
      PublishedFolder.copy(TINY.resolve(folder), model.resolve(folder));
    }
    Files.copy(TINY.resolve("model_index.json"), model.resolve("model_index.json"));
  }

  private CheckpointReport inspect(Path folder) throws IOException {
    return CheckpointInspector.inspect(new LocalFileSource(folder));
  }

  private List<String> problems() throws IOException {
    return inspect(model).problems();
  }

  private void change(String file, Consumer<ObjectNode> edit) throws IOException {
    Path path = model.resolve(file);
    ObjectNode node = (ObjectNode) JSON.readTree(path.toFile());
    edit.accept(node);
    Files.write(path, JSON.writeValueAsBytes(node));
  }

  @Test
  void acceptsThePublishedCheckpoint() throws IOException {
    CheckpointReport report = inspect(PublishedFolder.write(temporary.resolve("published")));

    assertEquals(List.of(), report.problems());
    assertEquals(List.of(), report.warnings());
    assertEquals(
        List.of("text_encoder", "transformer", "vae", "vision_language_encoder"),
        report.parts().stream().map(Part::name).toList());
    assertEquals(1853, report.parts().stream().mapToInt(part -> part.stored().tensors()).sum());
    assertEquals(
        List.of(217_657_472L, 6_926_882_880L, 406_100_643L, 10_114_245_632L),
        report.parts().stream().map(Part::parameters).toList());
  }

  /** Sizes that a file may leave out, because the reference has them. */
  @Test
  void publishedSizesMayBeLeftOut() throws IOException {
    model = PublishedFolder.write(temporary.resolve("published"));
    change(
        "vision_language_encoder/config.json",
        config -> {
          config.remove(List.of("image_token_id", "image_start_token_id", "image_end_token_id"));
          config.remove(List.of("vision_config", "vq_config"));
          ((ObjectNode) config.path("text_config"))
              .retain(List.of("model_type", "rope_parameters"));
        });
    change(
        "transformer/config.json",
        config -> config.retain("_class_name", "num_attention_heads", "attention_head_dim"));
    change(
        "vae/config.json",
        config -> config.remove(List.of("norm_num_groups", "in_channels", "out_channels")));

    CheckpointReport report = inspect(model);

    assertEquals(List.of(), report.problems());
    assertTrue(
        report
            .warnings()
            .contains(
                "vision_language_encoder/config.json has no \"text_config.hidden_size\"; as in the"
                    + " reference, 4096 is taken"),
        report.warnings().toString());
    assertEquals(10_114_245_632L, report.parts().get(3).parameters());
  }

  @Test
  void aSizeThatIsLeftOutIsNamedBeforeItsEffects() throws IOException {
    change("transformer/config.json", config -> config.remove("num_layers"));

    CheckpointReport report = inspect(model);

    assertEquals(
        "transformer/config.json has no \"num_layers\"; as in the reference, 30 is taken, which does"
            + " not fit",
        report.problems().get(0));
    assertTrue(
        report.problems().get(1).startsWith("transformer has no tensor transformer_blocks.5."),
        report.problems().toString());
    assertEquals(List.of(), report.warnings());
  }

  /** Fails if a network leaves a tensor out or takes one twice. */
  @Test
  void everyNetworkTakesExactlyItsPublishedTensors() throws IOException {
    CheckpointReport report = inspect(PublishedFolder.write(temporary.resolve("published")));

    assertEquals(
        List.of("model.vqmodel.post_quant_conv.bias", "model.vqmodel.post_quant_conv.weight"),
        report.parts().stream().flatMap(part -> part.stored().unused().stream()).toList());
  }

  @Test
  void statesTheMemoryOfEachPrecision() throws IOException {
    CheckpointReport.Memory memory =
        inspect(PublishedFolder.write(temporary.resolve("published"))).memory();

    long parameters = 217_657_472L + 6_926_882_880L + 406_100_643L + 10_114_245_632L;
    assertEquals(2.0 * parameters, (double) memory.bfloat16(), 0.01 * 2 * parameters);
    assertEquals(4.0 * parameters, (double) memory.float32(), 0.01 * 4 * parameters);
    assertTrue(memory.fp8() > parameters && memory.fp8() < memory.bfloat16(), memory.toString());
  }

  @Test
  void comparesWithThePublishedFiles() throws IOException {
    Path published = PublishedFolder.write(temporary.resolve("published"));

    List<Comparison> comparisons = inspect(published).published();

    assertEquals(State.DIFFERENT, state(comparisons, "model_index.json"));
    assertEquals(9, comparisons.stream().filter(c -> c.path().endsWith(".safetensors")).count());
    assertEquals(State.MISSING, state(inspect(model).published(), WEIGHTS_OF_TRANSFORMER));
  }

  private static final String WEIGHTS_OF_TRANSFORMER =
      "transformer/diffusion_pytorch_model-00001-of-00003.safetensors";

  private static State state(List<Comparison> comparisons, String path) {
    return comparisons.stream()
        .filter(c -> c.path().equals(path))
        .findFirst()
        .orElseThrow()
        .state();
  }

  @Test
  void findsAllProblemsInOnePass() throws IOException {
    change("transformer/config.json", config -> config.put("num_layers", 9));
    change("vae/config.json", config -> config.remove(List.of("latents_mean", "latents_std")));
    change("text_encoder/config.json", config -> config.put("d_ff", "large"));
    Files.delete(model.resolve("processor/tokenizer.json"));
    Files.writeString(model.resolve("processor/chat_template.jinja"), "\n{{ messages | edited }}");
    change("processor/preprocessor_config.json", config -> config.put("resample", 2));

    List<String> problems = problems();

    assertTrue(problems.contains("vae/config.json has no \"latents_std\""), problems.toString());
    assertTrue(problems.contains("vae/config.json has no \"latents_mean\""), problems.toString());
    assertTrue(
        problems.contains("text_encoder/config.json has d_ff = \"large\", expected a whole number"),
        problems.toString());
    assertTrue(
        problems.contains(
            "processor/tokenizer.json is missing; the folder must have the Hugging Face layout of"
                + " GLM-Image"),
        problems.toString());
    assertTrue(
        problems.contains(
            "processor/chat_template.jinja is not a valid chat template at line 2: the filter"
                + " \"edited\" is unknown or not supported"),
        problems.toString());
    assertTrue(
        problems.contains(
            "processor/preprocessor_config.json: resample: only 3 (bicubic) is supported"),
        problems.toString());
    assertTrue(
        problems.stream()
            .anyMatch(p -> p.startsWith("transformer has no tensor transformer_blocks.")),
        problems.toString());
  }

  @Test
  void tensorsThatTheModelDoesNotUseAreAWarning() throws IOException {
    change("transformer/config.json", config -> config.put("num_layers", 4));

    CheckpointReport report = inspect(model);

    assertEquals(List.of(), report.problems());
    assertTrue(
        report.warnings().get(0).startsWith("transformer has ")
            && report.warnings().get(0).contains("transformer_blocks.4."),
        report.warnings().toString());
  }
}
