package io.glmimage.pipeline;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.glmimage.error.CheckpointException;
import io.glmimage.image.RgbImage;
import io.glmimage.io.LocalFileSource;
import io.glmimage.json.Json;
import io.glmimage.pipeline.CheckpointCopy.Stored;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import io.glmimage.tensor.Compute;
import io.glmimage.weights.CheckpointFolder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/**
 * The forms of a checkpoint. The inspection and the loader both accept a form, or both refuse it
 * with the same message.
 */
class CheckpointVariantsTest {
  private static final String TEXT = "text_encoder/config.json";
  private static final String DIT = "transformer/config.json";
  private static final String VAE = "vae/config.json";
  private static final String PRIOR = "vision_language_encoder/config.json";
  private static final String SAMPLING = "vision_language_encoder/generation_config.json";
  private static final String SCHEDULER = "scheduler/scheduler_config.json";
  private static final String IMAGES = "processor/preprocessor_config.json";
  private static final String TOKENS = "processor/tokenizer_config.json";
  private static final Path PUBLISHED = Path.of("src/main/resources/models/glm-image-geometry");
  private static final String TEMPLATE = "processor/chat_template.jinja";
  private static final String TEXT_WEIGHTS = "text_encoder/model.safetensors";
  private static final String PRIOR_WEIGHTS = "vision_language_encoder/model.safetensors";
  private static final String DIT_WEIGHTS = "transformer/diffusion_pytorch_model.safetensors";
  private static final String VAE_WEIGHTS = "vae/diffusion_pytorch_model.safetensors";
  private static final String Q = "encoder.block.0.layer.0.SelfAttention.q.weight";
  private static final String NOT_QUANTIZED =
      "; quantized checkpoints are not supported: use the published weights (zai-org/GLM-Image),"
          + " and --precision fp8 to save memory";
  private static final String MERGE =
      ": merge it first, or move it to a separate folder and give that with --lora";
  private static final String LINK_TO_NOTHING =
      " is a link whose target does not exist: fetch the files again with \"hf download\", or copy"
          + " the folder together with what its links point to";
  private static final String WHOLE_NUMBERS =
      "; quantized weights are not supported: use the published weights, and --precision fp8 to"
          + " save memory";

  @TempDir private static Path temporary;
  private static final AtomicInteger NUMBER = new AtomicInteger();
  private static Path base;
  private static byte[] image;

  @BeforeAll
  static void copyModel() throws IOException {
    base = temporary.resolve("base");
    CheckpointCopy.base(base);
    image = edit(base);
  }

  /** A small edit in two steps. */
  private static byte[] edit(Path model) {
    byte[] pixels = new byte[64 * 64 * 3];
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = (byte) (i * 7);
    }
    try (GlmImagePipeline pipeline =
        GlmImagePipeline.load(CheckpointFolder.open(model), Compute.cpu())) {
      EditResult result =
          pipeline
              .edit(
                  List.of(
                      new EditRequest(
                          "row",
                          "write \"blue\" below the circle",
                          List.of(new RgbImage(64, 64, pixels)),
                          64,
                          64,
                          2,
                          1.5,
                          7)))
              .get(0);
      assertNull(result.error(), () -> String.valueOf(result.error()));
      return result.image().pixels();
    }
  }

  private static CheckpointCopy copy(Consumer<CheckpointCopy> change) throws IOException {
    CheckpointCopy copy =
        CheckpointCopy.link(base, temporary.resolve("model" + NUMBER.incrementAndGet()));
    change.accept(copy);
    return copy;
  }

  private static CheckpointReport inspect(CheckpointCopy copy) throws IOException {
    return CheckpointInspector.inspect(new LocalFileSource(copy.root));
  }

  /** The same image as the base. */
  private static DynamicTest same(String name, Consumer<CheckpointCopy> change) {
    return usable(name, List.of(), change, model -> assertArrayEquals(image, edit(model)));
  }

  /** Accepted and loaded; other values may give another image. */
  private static DynamicTest accepted(String name, Consumer<CheckpointCopy> change) {
    return usable(name, List.of(), change, CheckpointVariantsTest::load);
  }

  /** Accepted with a warning. */
  private static DynamicTest warned(String name, String warning, Consumer<CheckpointCopy> change) {
    return usable(name, List.of(warning), change, CheckpointVariantsTest::load);
  }

  private static DynamicTest usable(
      String name, List<String> warnings, Consumer<CheckpointCopy> change, Consumer<Path> use) {
    return dynamicTest(
        name,
        () -> {
          CheckpointCopy copy = copy(change);
          CheckpointReport report = inspect(copy);
          assertEquals(List.of(), report.problems());
          assertEquals(warnings, report.warnings());
          use.accept(copy.root);
        });
  }

  private static void load(Path model) {
    GlmImagePipeline.load(CheckpointFolder.open(model), Compute.cpu()).close();
  }

  /** Refused by the inspection, and by the loader without an inspection. */
  private static DynamicTest refused(String name, String problem, Consumer<CheckpointCopy> change) {
    return dynamicTest(
        name,
        () -> {
          CheckpointCopy copy = copy(change);
          CheckpointReport report = inspect(copy);
          assertTrue(report.problems().contains(problem), () -> report.problems().toString());
          assertFalse(report.usable());
          CheckpointException refused =
              assertThrows(CheckpointException.class, () -> load(copy.root));
          String message = refused.getMessage().replace(copy.root + "/", "");
          assertTrue(message.startsWith("Cannot load model: "), message);
          assertTrue(message.contains(problem), message);
        });
  }

  /** Removes keys of a configuration file. */
  private static Consumer<CheckpointCopy> without(String file, String... keys) {
    return m -> m.json(file, c -> c.remove(List.of(keys)));
  }

  /** Removes keys of an object in a configuration file. */
  private static Consumer<CheckpointCopy> withoutIn(String file, String object, String... keys) {
    return m -> m.json(file, object, c -> c.remove(List.of(keys)));
  }

  /** Removes keys of the prior's rotary embedding. */
  private static Consumer<CheckpointCopy> withoutRope(String... keys) {
    return m ->
        m.json(
            PRIOR,
            "text_config",
            c -> ((ObjectNode) c.path("rope_parameters")).remove(List.of(keys)));
  }

  private static void all(Map<String, Stored> tensors, String dtype) {
    tensors.replaceAll((name, tensor) -> tensor.to(dtype));
  }

  @TestFactory
  Stream<DynamicTest> weightsMayHaveAnyFloatingDtype() {
    return Stream.of(
        same("float32 text encoder", m -> m.change(TEXT_WEIGHTS, t -> all(t, "F32"))),
        same("float64 text encoder", m -> m.change(TEXT_WEIGHTS, t -> all(t, "F64"))),
        accepted("float16 text encoder", m -> m.change(TEXT_WEIGHTS, t -> all(t, "F16"))),
        same("float32 VAE", m -> m.change(VAE_WEIGHTS, t -> all(t, "F32"))),
        same("one float32 tensor", m -> m.change(TEXT_WEIGHTS, Q, t -> t.to("F32"))));
  }

  @TestFactory
  Stream<DynamicTest> quantizedWeightsAreRefused() {
    return Stream.of(
        refused(
            "int8 weights",
            TEXT_WEIGHTS + ": tensor " + Q + " holds whole numbers (Char)" + WHOLE_NUMBERS,
            m -> m.change(TEXT_WEIGHTS, Q, t -> Stored.of("I8", 1, t.shape()))),
        refused(
            "packed uint8 weights",
            TEXT_WEIGHTS + ": tensor " + Q + " holds whole numbers (Byte)" + WHOLE_NUMBERS,
            m -> m.change(TEXT_WEIGHTS, Q, t -> Stored.of("U8", 1, 64, 32))),
        refused(
            "int32 weights packed by eight",
            TEXT_WEIGHTS + ": tensor " + Q + " holds whole numbers (Int)" + WHOLE_NUMBERS,
            m -> m.change(TEXT_WEIGHTS, Q, t -> Stored.of("I32", 4, 8, 64))),
        refused(
            "float8 weights",
            TEXT_WEIGHTS
                + ": tensor "
                + Q
                + " has dtype \"F8_E4M3\", which this program cannot read",
            m -> m.change(TEXT_WEIGHTS, Q, t -> Stored.of("F8_E4M3", 1, t.shape()))));
  }

  @TestFactory
  Stream<DynamicTest> weightsMayBeShardsOrVariants() {
    return Stream.of(
        same("shards", m -> m.shard("transformer", "diffusion_pytorch_model", "", true)),
        same(
            "shards without metadata", m -> m.shard("vision_language_encoder", "model", "", false)),
        same(
            "a file without metadata",
            m -> m.tensors(TEXT_WEIGHTS, m.tensors(TEXT_WEIGHTS), false)),
        same("a lone variant", m -> m.move(TEXT_WEIGHTS, "text_encoder/model.bf16.safetensors")),
        same("shards of a lone variant", m -> m.shard("text_encoder", "model", ".bf16", true)),
        same(
            "a variant beside the plain file",
            m -> m.write("text_encoder/model.fp16.safetensors", "not read")),
        same(
            "pickles beside safetensors",
            m -> m.write("text_encoder/pytorch_model.bin", "not read")));
  }

  @TestFactory
  Stream<DynamicTest> shardsAndVariantsThatDoNotFitAreRefused() {
    return Stream.of(
        refused(
            "two variants",
            "neither text_encoder/model.safetensors nor model.safetensors.index.json exists; there"
                + " are several variants, keep one of model.bf16.safetensors,"
                + " model.fp16.safetensors",
            m -> {
              m.move(TEXT_WEIGHTS, "text_encoder/model.bf16.safetensors");
              m.write("text_encoder/model.fp16.safetensors", "not read");
            }),
        refused(
            "a missing shard",
            "text_encoder/model.safetensors.index.json names the shard"
                + " model-00002-of-00002.safetensors, which is missing",
            m -> {
              m.shard("text_encoder", "model", "", true);
              m.delete("text_encoder/model-00002-of-00002.safetensors");
            }),
        refused(
            "an index that names a missing tensor",
            "text_encoder/model.safetensors.index.json says that tensor other.weight is in"
                + " text_encoder/model-00001-of-00002.safetensors, but it is not",
            m -> {
              m.shard("text_encoder", "model", "", true);
              m.json(
                  "text_encoder/model.safetensors.index.json",
                  "weight_map",
                  map -> map.put("other.weight", "model-00001-of-00002.safetensors"));
            }),
        refused(
            "an index that points outside",
            "text_encoder/model.safetensors.index.json names a shard outside the folder: ../x",
            m -> {
              m.shard("text_encoder", "model", "", true);
              m.json(
                  "text_encoder/model.safetensors.index.json",
                  "weight_map",
                  map -> map.put("other.weight", "../x"));
            }));
  }

  @TestFactory
  Stream<DynamicTest> missingAndForeignFilesAreRefused() {
    return Stream.of(
        refused(
            "no weights",
            "neither vae/diffusion_pytorch_model.safetensors nor"
                + " diffusion_pytorch_model.safetensors.index.json exists",
            m -> m.delete(VAE_WEIGHTS)),
        refused(
            "no configuration",
            "vae/config.json is missing; the folder must have the Hugging Face layout of GLM-Image",
            m -> m.delete(VAE)),
        refused(
            "a damaged configuration",
            "vae/config.json is not a JSON object",
            m -> m.write(VAE, "[]")),
        refused(
            "another pipeline",
            "model_index.json describes a FluxPipeline, expected a GlmImagePipeline",
            m -> m.json("model_index.json", c -> c.put("_class_name", "FluxPipeline"))));
  }

  @TestFactory
  Stream<DynamicTest> tensorsMustBeThoseOfTheConfiguration() {
    return Stream.of(
        refused(
            "a missing tensor",
            "text_encoder has no tensor " + Q,
            m -> m.change(TEXT_WEIGHTS, t -> t.remove(Q))),
        refused(
            "a wrong shape",
            TEXT_WEIGHTS
                + ": tensor "
                + Q
                + " has shape [64, 32], the configuration requires [64, 64]",
            m -> m.change(TEXT_WEIGHTS, Q, t -> Stored.of("BF16", 2, 64, 32))),
        refused(
            "a transposed tensor",
            DIT_WEIGHTS
                + ": tensor glyph_projector.net.0.proj.weight has shape [64, 192], the"
                + " configuration requires [192, 64]",
            m ->
                m.change(
                    DIT_WEIGHTS,
                    "glyph_projector.net.0.proj.weight",
                    t -> new Stored("BF16", new long[] {64, 192}, t.data()))),
        warned(
            "an extra tensor",
            "text_encoder has 1 tensor that the model does not use: extra.weight",
            m -> m.change(TEXT_WEIGHTS, t -> t.put("extra.weight", Stored.of("BF16", 2, 3)))),
        warned(
            "an extra tensor of integers",
            "vision_language_encoder has 1 tensor that the model does not use: position_ids",
            m -> m.change(PRIOR_WEIGHTS, t -> t.put("position_ids", Stored.of("I64", 8, 1, 7)))),
        same(
            "unused tensors that the reference ignores",
            m -> {
              m.change(
                  PRIOR_WEIGHTS,
                  t -> t.put("model.vqmodel.post_quant_conv.bias", Stored.of("BF16", 2, 32)));
              m.change(
                  TEXT_WEIGHTS, t -> t.put("encoder.embed_tokens.weight", t.get("shared.weight")));
            }),
        same(
            "tensors in another order",
            m -> {
              Map<String, Stored> sorted = new LinkedHashMap<>();
              List<String> names = List.copyOf(m.tensors(TEXT_WEIGHTS).keySet());
              Map<String, Stored> tensors = m.tensors(TEXT_WEIGHTS);
              for (int i = names.size() - 1; i >= 0; i--) {
                sorted.put(names.get(i), tensors.get(names.get(i)));
              }
              m.tensors(TEXT_WEIGHTS, sorted, true);
            }));
  }

  /** Keys that the reference has defaults for, and that published files leave out. */
  @TestFactory
  Stream<DynamicTest> keysOfThePriorHaveDefaults() {
    return Stream.of(
        same(
            "text model",
            withoutIn(
                PRIOR,
                "text_config",
                "attention_bias",
                "head_dim",
                "num_key_value_heads",
                "rms_norm_eps",
                "hidden_act")),
        same("rotary embedding", withoutRope("rope_theta", "rope_type")),
        same(
            "vision tower",
            withoutIn(
                PRIOR,
                "vision_config",
                "attention_bias",
                "spatial_merge_size",
                "layer_norm_eps",
                "hidden_act")),
        same(
            "null for the head width",
            m -> m.json(PRIOR, "text_config", c -> c.putNull("head_dim"))),
        refused(
            "sections of the rotary embedding, whose default does not fit",
            PRIOR
                + ": text_config.rope_parameters.mrope_section: [8, 12, 12] does not add up to half"
                + " the rotated width 16",
            withoutRope("mrope_section")),
        accepted("sampling: top_k", without(SAMPLING, "top_k")),
        accepted("sampling: all", without(SAMPLING, "temperature", "top_p")));
  }

  /** As {@link #keysOfThePriorHaveDefaults}. */
  @TestFactory
  Stream<DynamicTest> keysOfTheOtherNetworksHaveDefaults() {
    return Stream.of(
        same(
            "text encoder",
            without(
                TEXT,
                "layer_norm_epsilon",
                "relative_attention_num_buckets",
                "relative_attention_max_distance",
                "dense_act_fn",
                "is_gated_act",
                "dtype")),
        same(
            "VAE",
            without(
                VAE,
                "act_fn",
                "in_channels",
                "out_channels",
                "force_upcast",
                "sample_size",
                "scaling_factor",
                "shift_factor")),
        same(
            "scheduler",
            m ->
                m.json(
                    SCHEDULER,
                    c ->
                        c.retain(
                            "_class_name",
                            "use_dynamic_shifting",
                            "time_shift_type",
                            "base_shift",
                            "max_shift"))),
        warned(
            "scheduler: a shift",
            SCHEDULER + " has no \"max_shift\"; as in the reference, 1.15 is taken",
            m -> m.json(SCHEDULER, c -> c.remove("max_shift"))),
        warned(
            "transformer: the side of a patch",
            DIT + " has no \"patch_size\"; as in the reference, 2 is taken",
            m -> m.json(DIT, c -> c.remove("patch_size"))));
  }

  @TestFactory
  Stream<DynamicTest> keysOfOtherFilesHaveDefaults() {
    return Stream.of(
        same(
            "prior: the older form of the rotary embedding",
            m ->
                m.json(
                    PRIOR,
                    "text_config",
                    c -> {
                      ObjectNode rope = (ObjectNode) c.remove("rope_parameters");
                      c.set("rope_theta", rope.remove("rope_theta"));
                      c.set("partial_rotary_factor", rope.remove("partial_rotary_factor"));
                      c.set("rope_scaling", rope);
                    })),
        warned(
            "sampling: the file",
            SAMPLING
                + " is missing: as in the reference, image tokens are drawn with temperature 1,"
                + " top_k 50 and top_p 1; the published model has 0.9, 16512 and 0.75",
            m -> m.delete(SAMPLING)),
        same(
            "image processor: mean and standard deviation",
            m -> m.json(IMAGES, c -> c.remove(List.of("image_mean", "image_std")))),
        same(
            "image processor",
            without(
                IMAGES,
                "do_convert_rgb",
                "do_resize",
                "do_rescale",
                "do_normalize",
                "rescale_factor",
                "resample",
                "processor_class")),
        same(
            "tokens only among the extra ones",
            without(TOKENS, "image_token", "grid_bos_token", "grid_eos_token")));
  }

  /** Every small file with exactly the keys of the published one, and this model's sizes. */
  @TestFactory
  Stream<DynamicTest> publishedKeys() {
    return Stream.concat(
        Stream.of(TEXT, DIT, VAE, PRIOR, SAMPLING, SCHEDULER, TOKENS)
            .map(file -> same(file, m -> m.json(file, c -> publishedKeys(c, published(file))))),
        Stream.of(
            accepted(
                IMAGES,
                m ->
                    m.json(
                        IMAGES,
                        c -> {
                          publishedKeys(c, published(IMAGES));
                          c.set("image_mean", published(IMAGES).path("image_mean"));
                          c.set("image_std", published(IMAGES).path("image_std"));
                        }))));
  }

  private static ObjectNode published(String file) {
    try {
      return (ObjectNode) Json.MAPPER.readTree(PUBLISHED.resolve(file).toFile());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void publishedKeys(ObjectNode file, ObjectNode published) {
    List<String> keys = new ArrayList<>();
    published.fieldNames().forEachRemaining(keys::add);
    file.retain(keys);
    for (String key : keys) {
      if (!file.has(key)) {
        file.set(key, published.path(key));
      } else if (published.path(key).isObject() && !key.equals("added_tokens_decoder")) {
        publishedKeys((ObjectNode) file.path(key), (ObjectNode) published.path(key));
      }
    }
  }

  /** The places of a chat template, and what may be in it. */
  @TestFactory
  Stream<DynamicTest> chatTemplatesOfEveryFormAreRead() {
    return Stream.of(
        same(
            "in the tokenizer's configuration",
            m -> {
              String template = m.text(TEMPLATE);
              m.delete(TEMPLATE);
              m.json(TOKENS, c -> c.put("chat_template", template));
            }),
        same(
            "a list of named ones",
            m -> {
              String template = m.text(TEMPLATE);
              m.delete(TEMPLATE);
              m.json(
                  TOKENS,
                  c -> {
                    ArrayNode all = c.putArray("chat_template");
                    all.addObject().put("name", "tool_use").put("template", "{{ tools }}");
                    all.addObject().put("name", "default").put("template", template);
                  });
            }),
        same(
            "a JSON file, which comes first",
            m -> {
              m.write("processor/chat_template.json", "{}");
              m.json("processor/chat_template.json", c -> c.put("chat_template", m.text(TEMPLATE)));
              m.write(TEMPLATE, "{{ messages }}");
            }),
        same(
            "macros, namespaces and string addition",
            m ->
                m.write(
                    TEMPLATE,
                    """
                    {%- macro image() -%}{{ bos_token + image_token + eos_token }}{%- endmacro -%}
                    {%- set ns = namespace(text='') -%}
                    {%- for message in messages -%}
                      {%- for item in message['content'] -%}
                        {%- if item.type == 'image' -%}
                          {%- set ns.text = ns.text ~ image() -%}
                        {%- else -%}
                          {%- set ns.text = ns.text + item.text -%}
                        {%- endif -%}
                      {%- endfor -%}
                    {%- endfor -%}
                    {{- ns.text -}}
                    """)),
        accepted(
            "more text around the prompt",
            m -> m.write(TEMPLATE, "[gMASK]" + m.text(TEMPLATE) + "{{ '\\n' }}")));
  }

  @TestFactory
  Stream<DynamicTest> chatTemplatesThatDoNotFitAreNamed() {
    return Stream.of(
        warned(
            "none",
            TEMPLATE
                + " is missing: prompts are written as the published model's template writes"
                + " them",
            m -> m.delete(TEMPLATE)),
        refused(
            "without placeholders",
            TEMPLATE
                + ": the chat template does not fit GLM-Image: for 1 source image it prints 0"
                + " placeholders (<|image|>) in \"Make the sky green.\"",
            m -> m.write(TEMPLATE, "{{ messages[0].content[-1].text }}")),
        refused(
            "with a syntax error",
            TEMPLATE
                + " is not a valid chat template at line 2: the template ends within a block: {%"
                + " endif %} is missing",
            m -> m.write(TEMPLATE, "\n{% if messages %}\nx")),
        refused(
            "one that raises an exception",
            TEMPLATE + ": the chat template fails at line 1: for chats only",
            m -> m.write(TEMPLATE, "{{ raise_exception('for chats only') }}")));
  }

  @TestFactory
  Stream<DynamicTest> unknownKeysAreIgnored() {
    return Stream.of(
        same(
            "unknown keys that are off",
            m -> {
              m.json(SCHEDULER, c -> c.put("use_flow_sigmas", false).putNull("solver").put("x", 0));
              m.json(DIT, c -> c.putNull("axes_dims").put("_note", "written by hand"));
            }),
        same(
            "settings of other libraries",
            m -> {
              m.json(TEXT, c -> c.put("gradient_checkpointing", true).put("n_positions", 512));
              m.json(PRIOR, c -> c.put("new_setting", 7));
              m.json(SAMPLING, c -> c.put("_from_model_config", true));
              m.json(IMAGES, c -> c.put("device", "cuda"));
            }),
        warned(
            "scheduler: an unknown setting",
            SCHEDULER
                + " has sigma_min = 0.1, a setting that this program does not know and ignores",
            m -> m.json(SCHEDULER, c -> c.put("sigma_min", 0.1))),
        warned(
            "transformer: an unknown setting",
            DIT + " has qk_norm = \"rms\", a setting that this program does not know and ignores",
            m -> m.json(DIT, c -> c.put("qk_norm", "rms"))),
        warned(
            "VAE: an unknown setting",
            VAE + " has tiling = true, a setting that this program does not know and ignores",
            m -> m.json(VAE, c -> c.put("tiling", true))));
  }

  @TestFactory
  Stream<DynamicTest> unknownSettingsThatCouldMatterAreNamed() {
    return Stream.of(
        warned(
            "prior: an unknown setting that could matter",
            PRIOR
                + " has text_config.sliding_window = 1024, a setting that this program does not know"
                + " and ignores",
            m -> m.json(PRIOR, "text_config", c -> c.put("sliding_window", 1024))),
        warned(
            "text encoder: an unknown setting that could matter",
            TEXT
                + " has embedding_multiplier = 2.0, a setting that this program does not know and"
                + " ignores",
            m -> m.json(TEXT, c -> c.put("embedding_multiplier", 2.0))),
        warned(
            "sampling: a setting that could matter",
            SAMPLING
                + " has repetition_penalty = 1.2, a setting that this program does not know and"
                + " ignores",
            m ->
                m.json(
                    SAMPLING,
                    c -> c.put("repetition_penalty", 1.2).put("num_beams", 1).put("min_p", 0.0))));
  }

  @TestFactory
  Stream<DynamicTest> settingsOfOtherArchitecturesAreRefused() {
    return Stream.of(
        refused(
            "scheduler: another schedule",
            SCHEDULER + ": use_karras_sigmas: is true, but only false is supported",
            m -> m.json(SCHEDULER, c -> c.put("use_karras_sigmas", true))),
        refused(
            "scheduler: another schedule that this program does not know",
            SCHEDULER + ": use_lu_lambdas: is true, but only false is supported",
            m -> m.json(SCHEDULER, c -> c.put("use_lu_lambdas", true))),
        refused(
            "scheduler: another shift",
            SCHEDULER + ": time_shift_type: is \"exponential\", but only \"linear\" is supported",
            m -> m.json(SCHEDULER, c -> c.put("time_shift_type", "exponential"))),
        refused(
            "prior: merged patches",
            PRIOR
                + ": vision_config.spatial_merge_size: only 1 is supported: every patch is one"
                + " token",
            m -> m.json(PRIOR, "vision_config", c -> c.put("spatial_merge_size", 2))),
        refused(
            "prior: another activation",
            PRIOR + " has text_config.hidden_act = \"gelu\", but this program knows only silu",
            m -> m.json(PRIOR, "text_config", c -> c.put("hidden_act", "gelu"))),
        refused(
            "prior: a missing size, whose default does not fit",
            PRIOR_WEIGHTS
                + ": tensor model.language_model.embed_tokens.weight has shape [1568, 192], the"
                + " configuration requires [168064, 192]",
            m -> m.json(PRIOR, "text_config", c -> c.remove("vocab_size"))),
        refused(
            "text encoder: without a gate",
            TEXT + " has feed_forward_proj = \"relu\", but this program knows only gated-gelu",
            m -> m.json(TEXT, c -> c.put("feed_forward_proj", "relu"))),
        refused(
            "transformer: another class",
            DIT
                + " has _class_name = \"FluxTransformer2DModel\", but this program knows only"
                + " GlmImageTransformer2DModel",
            m -> m.json(DIT, c -> c.put("_class_name", "FluxTransformer2DModel"))));
  }

  @TestFactory
  Stream<DynamicTest> settingsThatDoNotFitEachOtherAreRefused() {
    return Stream.of(
        refused(
            "prior: other special tokens than the tokenizer's",
            "processor/tokenizer.json and vision_language_encoder/config.json are not from the same"
                + " checkpoint: image_token_id is 1556, but the tokenizer has 1555,"
                + " image_end_token_id is 1026, but the tokenizer has 1025",
            m -> m.json(PRIOR, c -> c.put("image_token_id", 1556).put("image_end_token_id", 1026))),
        refused(
            "prior: another start token than the tokenizer's",
            "processor/tokenizer.json and vision_language_encoder/config.json are not from the same"
                + " checkpoint: image_start_token_id is 1027, but the tokenizer has 1024",
            m -> m.json(PRIOR, c -> c.put("image_start_token_id", 1027))),
        refused(
            "VAE: a missing mean", VAE + " has no \"latents_mean\"", without(VAE, "latents_mean")),
        accepted("image processor: without a size", without(IMAGES, "size")),
        refused(
            "image processor: without normalisation",
            IMAGES + ": do_normalize: false is not supported",
            m -> m.json(IMAGES, c -> c.put("do_normalize", false))));
  }

  @TestFactory
  Stream<DynamicTest> imageProcessorsMayBeWrittenInOtherForms() {
    return Stream.of(
        same(
            "min_pixels and max_pixels in place of size",
            m ->
                m.json(
                    IMAGES,
                    c -> {
                      c.remove("size");
                      c.put("min_pixels", 4096).put("max_pixels", 1048576);
                    })),
        accepted(
            "mean 0.5",
            m ->
                m.json(
                    IMAGES,
                    c -> {
                      c.putArray("image_mean").add(0.5).add(0.5).add(0.5);
                      c.putArray("image_std").add(0.5).add(0.5).add(0.5);
                    })),
        same(
            "inside processor_config.json",
            m -> {
              m.write(
                  "processor/processor_config.json",
                  "{\"processor_class\":\"GlmImageProcessor\",\"image_processor\":"
                      + m.text(IMAGES)
                      + "}");
              m.delete(IMAGES);
            }));
  }

  @TestFactory
  Stream<DynamicTest> quantizedCheckpointsAreRefused() {
    return Stream.of(
        refused(
            "AutoRound",
            PRIOR + " has a quantization_config (auto-round)" + NOT_QUANTIZED,
            m ->
                m.json(
                    PRIOR,
                    c ->
                        c.putObject("quantization_config")
                            .put("quant_method", "auto-round")
                            .put("bits", 4)
                            .put("group_size", 128)
                            .put("packing_format", "auto_round:auto_gptq"))),
        refused(
            "SDNQ",
            PRIOR + " has a quantization_config (SDNQ)" + NOT_QUANTIZED,
            m ->
                m.json(
                    PRIOR,
                    c ->
                        c.putObject("quantization_config")
                            .put("is_integer", true)
                            .put("group_size", 0)
                            .putObject("modules_dtype_dict")
                            .putArray("uint4")
                            .add("model.language_model.layers.0.mlp.down_proj.weight"))),
        refused(
            "bitsandbytes",
            DIT + " has a quantization_config (bitsandbytes)" + NOT_QUANTIZED,
            m -> m.json(DIT, c -> c.putObject("quantization_config").put("load_in_4bit", true))),
        refused(
            "quantized inside",
            PRIOR + " has a quantization_config (gptq)" + NOT_QUANTIZED,
            m ->
                m.json(
                    PRIOR,
                    "text_config",
                    c -> c.putObject("quantization_config").put("quant_method", "gptq"))),
        same(
            "null for the quantization", m -> m.json(PRIOR, c -> c.putNull("quantization_config"))),
        refused(
            "quantization_config.json",
            "vision_language_encoder has a quantization_config.json" + NOT_QUANTIZED,
            m ->
                m.write(
                    "vision_language_encoder/quantization_config.json",
                    "{\"quant_method\":\"auto-round\",\"bits\":4}")),
        refused(
            "quantization_config.json of the whole",
            "the folder has a quantization_config.json" + NOT_QUANTIZED,
            m -> m.write("quantization_config.json", "{\"bits\":4}")));
  }

  @TestFactory
  Stream<DynamicTest> otherFormatsOfWeightsAreRefused() {
    return Stream.of(
        refused(
            "GGUF in place of safetensors",
            "transformer holds GGUF weights, which are not supported: use safetensors weights",
            m -> m.move(DIT_WEIGHTS, "transformer/glm-image-Q4_K_M.gguf")),
        refused(
            "pickles only",
            "vae holds pickled weights only, which can run code when they are read and are never"
                + " loaded: convert them to safetensors",
            m -> m.move(VAE_WEIGHTS, "vae/diffusion_pytorch_model.bin")),
        refused(
            "a Git LFS pointer",
            TEXT_WEIGHTS
                + " is a Git LFS pointer, not the file: fetch the files with \"git lfs pull\" or"
                + " \"hf download\"",
            m ->
                m.write(
                    TEXT_WEIGHTS,
                    "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 216240\n")),
        refused(
            "a link to nothing",
            TEXT_WEIGHTS + LINK_TO_NOTHING,
            m -> m.link(TEXT_WEIGHTS, Path.of("../../../blobs/0123abcd"))),
        refused(
            "a folder that links to nothing",
            "vae" + LINK_TO_NOTHING,
            m -> {
              m.move("vae", ".away");
              m.link("vae", Path.of("../blobs/vae"));
            }),
        same(
            "a link to nothing that is not needed",
            m -> m.link("README.md", Path.of("../../blobs/0123abcd"))));
  }

  @TestFactory
  Stream<DynamicTest> adaptersAreRefused() {
    return Stream.of(
        refused(
            "an adapter in a component",
            "transformer holds an adapter that is not merged (adapter_config.json)" + MERGE,
            m -> m.write("transformer/adapter_config.json", "{\"peft_type\":\"LORA\"}")),
        refused(
            "an adapter beside the components",
            "the folder holds an adapter that is not merged (pytorch_lora_weights.safetensors)"
                + MERGE,
            m -> m.write("pytorch_lora_weights.safetensors", "not read")));
  }

  @TestFactory
  Stream<DynamicTest> otherFoldersAreRefusedWithAGuess() {
    return Stream.of(
        other("empty", ": it is empty"),
        other(
            "an adapter",
            "; adapter_config.json shows a LoRA adapter: give the base model's folder with --model"
                + " and this one with --lora",
            "adapter_config.json",
            "adapter_model.safetensors"),
        other(
            "GGUF",
            "; GGUF files are not supported: use the published safetensors weights"
                + " (zai-org/GLM-Image)",
            "glm-image-Q8_0.gguf"),
        other(
            "a single-file checkpoint",
            "; single-file checkpoints are not supported: use the folder layout of"
                + " zai-org/GLM-Image",
            "glm-image.safetensors"),
        other(
            "a pickled checkpoint",
            "; single-file checkpoints are not supported: use the folder layout of"
                + " zai-org/GLM-Image",
            "glm-image.ckpt"),
        other(
            "one component",
            "; config.json shows a single component: give the folder above, which holds all of"
                + " them",
            "config.json",
            "model.safetensors"),
        other(
            "a model in the Hugging Face cache",
            "; it is the folder of a model in the Hugging Face cache: give the folder"
                + " snapshots/REVISION in it, where the file refs/main has the revision",
            "refs/main"),
        other(
            "a model in the Hugging Face cache with one snapshot",
            "; it is the folder of a model in the Hugging Face cache: give the folder"
                + " snapshots/2c433cc in it",
            "blobs/x",
            "snapshots/2c433cc/model_index.json"),
        other(
            "a model in the Hugging Face cache with two snapshots",
            "; it is the folder of a model in the Hugging Face cache: give one of the folders in"
                + " snapshots: 2c433cc, 9f00aa1",
            "snapshots/2c433cc/model_index.json",
            "snapshots/9f00aa1/model_index.json"),
        other(
            "the newest of two snapshots",
            "; it is the folder of a model in the Hugging Face cache: give the folder"
                + " snapshots/{} in it",
            "refs/main",
            "snapshots/2c433cc/model_index.json",
            "snapshots/{}/model_index.json"),
        other(
            "the Hugging Face cache",
            "; it is the Hugging Face cache: give the folder"
                + " models--zai-org--GLM-Image/snapshots/REVISION in it",
            "models--zai-org--GLM-Image/snapshots/2c433cc/model_index.json"),
        other("only folders", ": it holds only folders", "a/b/c"),
        other(
            "something else",
            "; the folder must have the Hugging Face layout of zai-org/GLM-Image",
            "README.md"));
  }

  private static DynamicTest other(String name, String guess, String... files) {
    return dynamicTest(
        name,
        () -> {
          Path folder =
              Files.createDirectories(temporary.resolve("other" + NUMBER.incrementAndGet()));
          for (String file : files) {
            Files.createDirectories(folder.resolve(file).getParent());
            Files.writeString(folder.resolve(file), "{}");
          }
          String problem = "the folder has no model_index.json" + guess;
          assertEquals(
              List.of(problem),
              CheckpointInspector.inspect(new LocalFileSource(folder)).problems());
          CheckpointException refused =
              assertThrows(CheckpointException.class, () -> CheckpointFolder.open(folder));
          assertEquals("Cannot load model: " + folder + ": " + problem, refused.getMessage());
        });
  }

  @Test
  void aHubIdIsNotDownloaded() {
    CheckpointException refused =
        assertThrows(
            CheckpointException.class, () -> CheckpointFolder.open(Path.of("zai-org/GLM-Image")));

    assertEquals(
        "Cannot load model: there is no folder zai-org/GLM-Image; if this is the name of a model on"
            + " the Hugging Face hub, run \"hf download zai-org/GLM-Image"
            + " --local-dir FOLDER\" and give --model FOLDER",
        refused.getMessage());
  }

  @Test
  void thereAreManyVariants() throws ReflectiveOperationException {
    long variants = Variants.count(this);
    System.out.printf("variants   CheckpointVariantsTest: %d%n", variants);
    assertTrue(variants >= 60, variants + " variants");
  }
}
