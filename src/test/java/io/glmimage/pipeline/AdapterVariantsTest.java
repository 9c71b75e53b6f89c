package io.glmimage.pipeline;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import io.glmimage.error.CheckpointException;
import io.glmimage.io.LocalFileSource;
import io.glmimage.pipeline.CheckpointCopy.Stored;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.Precision;
import io.glmimage.tensor.TensorScope;
import io.glmimage.weights.Adapter;
import io.glmimage.weights.AdapterSource;
import io.glmimage.weights.CheckpointFolder;
import io.glmimage.weights.Weights;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/**
 * The forms of a LoRA adapter. Each is merged with the same weights as PEFT's form, or refused by
 * the inspection and by the loader with the same message.
 */
class AdapterVariantsTest {
  private static final Path MODEL = CheckpointCopy.TINY;
  private static final String CONFIG = "adapter_config.json";
  private static final String PEFT = "adapter_model.safetensors";
  private static final String DIFFUSERS = "pytorch_lora_weights.safetensors";
  private static final String Q = "transformer_blocks.0.attn1.to_q";
  private static final String PRIOR_Q = "model.language_model.layers.0.self_attn.q_proj";
  private static final String MERGE_FIRST =
      ", which is not supported: merge the adapter into the model first, and give the merged model"
          + " with --model";
  private static final String OTHER_KIND =
      "), which is not supported: merge it into the model first, and give the merged model with"
          + " --model";
  private static final int RANK = 2;
  private static final AtomicInteger NUMBER = new AtomicInteger();

  @TempDir private static Path temporary;
  private static long[] ditShape;
  private static long[] priorShape;
  private static float[] ditMerged;
  private static float[] priorMerged;

  @BeforeAll
  static void mergeTheFormOfPeft() throws IOException {
    CheckpointCopy model = CheckpointCopy.link(copyOfModel(), temporary.resolve("shapes"));
    ditShape =
        model.tensors("transformer/diffusion_pytorch_model.safetensors").get(Q + ".weight").shape();
    priorShape =
        model.tensors("vision_language_encoder/model.safetensors").get(PRIOR_Q + ".weight").shape();
    Path peft = folder(AdapterVariantsTest::peft);
    ditMerged = weight("transformer", Q, ditShape, adapter(peft, 1));
    priorMerged = weight("vision_language_encoder", PRIOR_Q, priorShape, adapter(peft, 1));
    assertFalse(Arrays.equals(ditMerged, weight("transformer", Q, ditShape)));
  }

  private static Path copyOfModel() throws IOException {
    Path base = temporary.resolve("base");
    CheckpointCopy.base(base);
    return base;
  }

  private static Path folder(Consumer<CheckpointCopy> content) throws IOException {
    CheckpointCopy copy =
        CheckpointCopy.empty(temporary.resolve("adapter" + NUMBER.getAndIncrement()));
    content.accept(copy);
    return copy.root;
  }

  private static Adapter adapter(Path folder, double scale) {
    return new Adapter(folder, folder.toString(), scale);
  }

  /** A weight as the networks get it, in float32. */
  private static float[] weight(
      String component, String module, long[] shape, Adapter... adapters) {
    CheckpointFolder folder = CheckpointFolder.open(MODEL).withAdapters(List.of(adapters));
    try (TensorScope scope = new TensorScope();
        Weights weights = folder.weights(component, Compute.cpu())) {
      return Ops.toFloats(weights.getFloat(module + ".weight", shape));
    }
  }

  // ---- content of adapter folders ----

  /** Values that every floating dtype holds exactly. */
  private static Stored matrix(int seed, long... shape) {
    return bfloat16(seed, shape).to("F32");
  }

  private static int seed(String name) {
    return (name.contains("q_proj") ? 3 : 1) + (name.contains("lora_B") ? 1 : 0);
  }

  private static Stored bfloat16(int seed, long... shape) {
    int count = Math.toIntExact(Arrays.stream(shape).reduce(1, (a, b) -> a * b));
    ByteBuffer values = ByteBuffer.allocate(count * 2).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < count; i++) {
      float value = ((i * 7 + seed) % 17 - 8) / 16f;
      values.putShort((short) (Float.floatToRawIntBits(value) >>> 16));
    }
    return new Stored("BF16", shape, values.array());
  }

  private static Stored alpha(float value) {
    ByteBuffer bytes = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putFloat(value);
    return new Stored("F32", new long[0], bytes.array());
  }

  /** The tensors of both layers, under the names of a form. */
  private static Map<String, Stored> tensors(
      Function<String, String> layer, String down, String up) {
    Map<String, Stored> tensors = new LinkedHashMap<>();
    tensors.put(layer.apply(Q) + down, matrix(1, RANK, ditShape[1]));
    tensors.put(layer.apply(Q) + up, matrix(2, ditShape[0], RANK));
    tensors.put(layer.apply(PRIOR_Q) + down, matrix(3, RANK, priorShape[1]));
    tensors.put(layer.apply(PRIOR_Q) + up, matrix(4, priorShape[0], RANK));
    return tensors;
  }

  private static Map<String, Stored> only(String part, Map<String, Stored> tensors) {
    tensors.keySet().removeIf(name -> !name.contains(part));
    return tensors;
  }

  private static Map<String, Stored> peftTensors() {
    return tensors(l -> "base_model.model." + l, ".lora_A.weight", ".lora_B.weight");
  }

  private static void peft(CheckpointCopy folder) {
    config(folder, "");
    folder.tensors(PEFT, peftTensors(), true);
  }

  /**
   * @param more further settings, each with a comma in front
   */
  private static void config(CheckpointCopy folder, String more) {
    folder.write(
        CONFIG,
        "{\"peft_type\": \"LORA\", \"r\": 2, \"lora_alpha\": 2, \"bias\": \"none\"" + more + "}");
  }

  /** PEFT's form with further settings. */
  private static Consumer<CheckpointCopy> configured(String more) {
    return folder -> {
      peft(folder);
      config(folder, more);
    };
  }

  /** PEFT's form with changed tensors. */
  private static Consumer<CheckpointCopy> changed(Consumer<Map<String, Stored>> change) {
    return folder -> {
      peft(folder);
      folder.change(PEFT, change);
    };
  }

  /** The file of diffusers without a configuration. */
  private static Consumer<CheckpointCopy> plain(Map<String, Stored> tensors) {
    return folder -> folder.tensors(DIFFUSERS, tensors, true);
  }

  // ---- tests ----

  /** Merged as PEFT's form is. */
  private static DynamicTest same(String name, Consumer<CheckpointCopy> content) {
    return dynamicTest(
        name,
        () -> {
          Path folder = folder(content);
          assertEquals(List.of(), inspect(folder).problems());
          Adapter adapter = adapter(folder, 1);
          Map<String, Integer> layers = inspect(folder).adapters().get(0).layers();
          if (layers.containsKey("transformer")) {
            assertArrayEquals(ditMerged, weight("transformer", Q, ditShape, adapter));
          }
          if (layers.containsKey("vision_language_encoder")) {
            assertArrayEquals(
                priorMerged, weight("vision_language_encoder", PRIOR_Q, priorShape, adapter));
          }
          assertFalse(layers.isEmpty());
        });
  }

  private static CheckpointReport inspect(Path adapter) throws IOException {
    return CheckpointInspector.inspect(
        new LocalFileSource(MODEL), List.of(new AdapterSource(new LocalFileSource(adapter), 1)));
  }

  /** Refused by the inspection and by the loader. */
  private static DynamicTest refused(
      String name, String problem, Consumer<CheckpointCopy> content) {
    return dynamicTest(
        name,
        () -> {
          Path folder = folder(content);
          String expected = "adapter " + folder + ": " + problem;
          assertEquals(List.of(expected), inspect(folder).problems());
          assertEquals(
              "Cannot load model: " + expected,
              assertThrows(
                      CheckpointException.class,
                      () -> CheckpointFolder.open(MODEL).withAdapters(List.of(adapter(folder, 1))))
                  .getMessage());
        });
  }

  @TestFactory
  Stream<DynamicTest> layersAreFoundByEveryFormOfTheirNames() {
    return Stream.of(
        same("PEFT", AdapterVariantsTest::peft),
        same("names of the networks", plain(tensors(l -> l, ".lora_A.weight", ".lora_B.weight"))),
        same(
            "names of the pipeline",
            plain(
                tensors(
                    l -> (l.equals(Q) ? "transformer." : "vision_language_encoder.") + l,
                    ".lora_A.weight",
                    ".lora_B.weight"))),
        same(
            "names of other programs",
            plain(
                only(
                    "attn1",
                    tensors(l -> "diffusion_model." + l, ".lora_A.weight", ".lora_B.weight")))),
        same("lora.down", plain(tensors(l -> l, ".lora.down.weight", ".lora.up.weight"))),
        same("lora_down", plain(tensors(l -> l, ".lora_down.weight", ".lora_up.weight"))),
        same(
            "underscores",
            plain(
                only(
                    "attn1",
                    tensors(
                        l -> "lora_unet_" + l.replace('.', '_'),
                        ".lora_down.weight",
                        ".lora_up.weight")))),
        same(
            "alpha tensors",
            folder -> {
              Map<String, Stored> tensors = tensors(l -> l, ".lora_down.weight", ".lora_up.weight");
              tensors.put(Q + ".alpha", alpha(RANK));
              tensors.put(PRIOR_Q + ".alpha", alpha(RANK));
              folder.tensors("any-name.safetensors", tensors, false);
            }),
        same(
            "a name of the adapter",
            plain(tensors(l -> l, ".lora_A.default.weight", ".lora_B.default.weight"))),
        same(
            "the language model's own names",
            plain(
                only(
                    "q_proj",
                    tensors(
                        l -> l.replace("model.language_model.", ""),
                        ".lora_A.weight",
                        ".lora_B.weight")))),
        same(
            "the whole model's names without its head",
            plain(
                only(
                    "q_proj",
                    tensors(
                        l -> l.replaceFirst("^model\\.", ""),
                        ".lora_A.weight",
                        ".lora_B.weight")))));
  }

  @TestFactory
  Stream<DynamicTest> filesAndNumbersOfEveryFormAreMergedAlike() {
    return Stream.of(
        same(
            "a folder for each component",
            folder -> {
              folder.tensors("transformer/" + PEFT, only("attn1", peftTensors()), true);
              folder.tensors(
                  "vision_language_encoder/" + DIFFUSERS, only("q_proj", peftTensors()), true);
            }),
        same("bfloat16", changed(t -> t.replaceAll((name, m) -> bfloat16(seed(name), m.shape())))),
        same(
            "float16",
            changed(t -> t.replaceAll((name, m) -> bfloat16(seed(name), m.shape()).to("F16")))),
        same(
            "further files",
            folder -> {
              peft(folder);
              folder.write("optimizer.pt", "x");
              folder.write("README.md", "x");
              folder.write("checkpoint-500/" + PEFT, "x");
              folder.link("last.safetensors", Path.of("checkpoint-900/" + PEFT));
            }),
        same("rank of the configuration", configured(", \"rank_pattern\": {\"to_v\": 9}")),
        same("alpha of a layer", configured(", \"alpha_pattern\": {\"attn1\": 9}")),
        same("other settings", configured(", \"use_dora\": false, \"loftq_config\": {}")));
  }

  @TestFactory
  Stream<DynamicTest> otherKindsAreRefused() {
    return Stream.of(
        refused(
            "DoRA",
            CONFIG + " has use_dora true" + MERGE_FIRST,
            configured(", \"use_dora\": true")),
        refused(
            "whole layers",
            CONFIG + " has modules_to_save [\"proj_out\"]" + MERGE_FIRST,
            configured(", \"modules_to_save\": [\"proj_out\"]")),
        refused(
            "biases",
            CONFIG + " has bias \"all\"" + MERGE_FIRST,
            folder -> {
              peft(folder);
              folder.write(CONFIG, "{\"peft_type\": \"LORA\", \"bias\": \"all\"}");
            }),
        refused(
            "repeated layers",
            CONFIG + " has layer_replication [[0,1]]" + MERGE_FIRST,
            configured(", \"layer_replication\": [[0, 1]]")),
        refused(
            "IA3",
            CONFIG + " has peft_type IA3; only LORA is supported",
            folder -> {
              peft(folder);
              folder.write(CONFIG, "{\"peft_type\": \"IA3\"}");
            }),
        refused(
            "PiSSA",
            CONFIG
                + " has init_lora_weights \"pissa\", which belongs to a base model with other"
                + " weights: save it as a plain LoRA adapter",
            configured(", \"init_lora_weights\": \"pissa\"")),
        kind("DoRA's tensor", ".lora_magnitude_vector", "DoRA"),
        kind("LoHa", ".hada_w1_a", "LoHa"),
        kind("LoKr", ".lokr_w1", "LoKr"),
        kind("IA3's tensor", ".ia3_l", "IA3"),
        kind("a bias", ".lora_B.bias", "LoRA with biases"));
  }

  @TestFactory
  Stream<DynamicTest> changesOfOtherWeightsAreRefused() {
    return Stream.of(
        refused(
            "a whole weight",
            "tensor base_model.model." + Q + ".weight does not belong to a LoRA adapter",
            changed(t -> t.put("base_model.model." + Q + ".weight", matrix(1, 2, 2)))),
        refused(
            "text encoder",
            "tensor text_encoder.encoder.x.lora_A.weight changes text_encoder, but adapters can"
                + " change only transformer and vision_language_encoder: was it trained on this"
                + " model?",
            plain(pair("text_encoder.encoder.x", 4, 4))),
        refused(
            "text encoder by its names",
            "tensor encoder.block.0.layer.0.SelfAttention.q.lora_A.weight changes text_encoder, but"
                + " adapters can change only transformer and vision_language_encoder: was it trained"
                + " on this model?",
            plain(pair("encoder.block.0.layer.0.SelfAttention.q", 4, 4))),
        refused(
            "VAE by its names",
            "tensor decoder.conv_in.lora_A.weight changes vae, but adapters can change only"
                + " transformer and vision_language_encoder: was it trained on this model?",
            plain(pair("decoder.conv_in", 4, 4))));
  }

  private static DynamicTest kind(String name, String ending, String kind) {
    String tensor = "base_model.model." + Q + ending;
    return refused(
        name,
        "tensor " + tensor + " shows an adapter of another kind (" + kind + OTHER_KIND,
        changed(t -> t.put(tensor, alpha(1))));
  }

  private static Map<String, Stored> pair(String layer, long inputs, long outputs) {
    Map<String, Stored> tensors = new LinkedHashMap<>();
    tensors.put(layer + ".lora_A.weight", matrix(1, RANK, inputs));
    tensors.put(layer + ".lora_B.weight", matrix(1, outputs, RANK));
    return tensors;
  }

  @TestFactory
  Stream<DynamicTest> adaptersOfOtherModelsAreRefused() {
    long in = ditShape[1];
    String a = "base_model.model." + Q + ".lora_A.weight";
    String b = "base_model.model." + Q + ".lora_B.weight";
    return Stream.of(
        refused(
            "layers that the model does not have",
            "tensor transformer_blocks.77.attn1.to_q.lora_A.weight changes a layer that the model"
                + " does not have (transformer_blocks.77.attn1.to_q); 1 layer more differ: was it"
                + " trained on this model?",
            folder -> {
              Map<String, Stored> tensors = pair("transformer_blocks.77.attn1.to_q", in, in);
              tensors.putAll(pair("transformer_blocks.100.attn1.to_q", in, in));
              folder.tensors(DIFFUSERS, tensors, true);
            }),
        refused(
            "other sizes",
            String.format(
                "tensors %s and %s have shapes [2, %d] and [%d, 2], which do not fit the model's"
                    + " %s.weight of shape [%d, %d]: was it trained on this model?",
                a, b, in + 1, ditShape[0], Q, ditShape[0], in),
            changed(t -> t.put(a, matrix(1, RANK, in + 1)))),
        refused(
            "two ranks in a layer",
            String.format(
                "tensors %s and %s have shapes [3, %d] and [%d, 2], which have no common rank: was"
                    + " it trained on this model?",
                a, b, in, ditShape[0]),
            changed(t -> t.put(a, matrix(1, 3, in)))),
        refused(
            "another rank than configured",
            "tensor " + a + " has rank 2, the configuration says 5: was it trained on this model?",
            configured(", \"rank_pattern\": {\".*to_q\": 5}")));
  }

  @TestFactory
  Stream<DynamicTest> incompleteLayersAreRefused() {
    long in = ditShape[1];
    String a = "base_model.model." + Q + ".lora_A.weight";
    String b = "base_model.model." + Q + ".lora_B.weight";
    return Stream.of(
        refused(
            "whole numbers",
            "tensor " + a + " holds whole numbers: was it trained on this model?",
            changed(t -> t.put(a, Stored.of("I8", 1, RANK, in)))),
        refused(
            "one matrix",
            "tensor " + a + " has no counterpart: the layer has two matrices",
            changed(t -> t.remove(b))),
        refused(
            "the same layer twice",
            "tensors "
                + a
                + " and "
                + a.replace("lora_A", "lora_A.other")
                + " are for the same layer",
            changed(t -> t.put(a.replace("lora_A", "lora_A.other"), t.get(a)))),
        refused(
            "ranks without a scale",
            DIFFUSERS
                + " has layers of several ranks, and neither a configuration nor alpha tensors say"
                + " how they are scaled: add the adapter_config.json of the training",
            folder -> {
              Map<String, Stored> tensors = tensors(l -> l, ".lora_A.weight", ".lora_B.weight");
              tensors.put(Q + ".lora_A.weight", matrix(1, 3, in));
              tensors.put(Q + ".lora_B.weight", matrix(1, ditShape[0], 3));
              folder.tensors(DIFFUSERS, tensors, true);
            }));
  }

  @TestFactory
  Stream<DynamicTest> foldersWithoutAnAdapterAreRefused() {
    return Stream.of(
        refused(
            "nothing",
            "it holds no LoRA adapter: expected adapter_config.json with adapter_model.safetensors,"
                + " or pytorch_lora_weights.safetensors",
            folder -> folder.write("README.md", "x")),
        refused(
            "pickles",
            "it holds pickled weights only, which can run code when they are read and are never"
                + " loaded: convert them to safetensors",
            folder -> folder.write("adapter_model.bin", "x")),
        refused(
            "a whole model",
            "it is a whole model, not an adapter: give it with --model",
            folder -> folder.write("model_index.json", "{}")),
        refused(
            "several files",
            "it holds several weight files, none of them named adapter_model.safetensors or"
                + " pytorch_lora_weights.safetensors: keep one of a.safetensors, b.safetensors",
            folder -> {
              folder.write("a.safetensors", "x");
              folder.write("b.safetensors", "x");
            }),
        refused(
            "a Git LFS pointer",
            PEFT
                + " is a Git LFS pointer, not the file: fetch the files with \"git lfs pull\" or \"hf"
                + " download\"",
            folder ->
                folder.write(
                    PEFT, "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")),
        refused(
            "a link to nothing",
            PEFT
                + " is a link whose target does not exist: fetch the files again with \"hf"
                + " download\", or copy the folder together with what its links point to",
            folder -> folder.link(PEFT, Path.of("../../blobs/0123abcd"))),
        refused(
            "a damaged file",
            PEFT + ": it has 1 bytes, too few for a header",
            folder -> folder.write(PEFT, "x")),
        refused(
            "no tensors", PEFT + " has no tensors", folder -> folder.tensors(PEFT, Map.of(), true)),
        refused(
            "a list in place of settings",
            CONFIG + " is not a JSON object",
            folder -> {
              peft(folder);
              folder.write(CONFIG, "[]");
            }),
        refused(
            "a rank that is a text",
            CONFIG + " has r \"many\", expected a number",
            folder -> {
              peft(folder);
              folder.write(CONFIG, "{\"r\": \"many\"}");
            }));
  }

  @Test
  void scaleZeroGivesTheBaseModel() throws IOException {
    Path peft = folder(AdapterVariantsTest::peft);

    assertArrayEquals(
        weight("transformer", Q, ditShape), weight("transformer", Q, ditShape, adapter(peft, 0)));
  }

  @Test
  void adaptersAddUpWithTheirScales() throws IOException {
    Path peft = folder(AdapterVariantsTest::peft);
    float[] base = weight("transformer", Q, ditShape);
    float[] sum = weight("transformer", Q, ditShape, adapter(peft, 0.5), adapter(peft, 1.5));

    for (int i = 0; i < base.length; i++) {
      assertEquals(base[i] + 2 * (ditMerged[i] - base[i]), sum[i], 1e-5f);
    }
    float[] away = weight("transformer", Q, ditShape, adapter(peft, 1), adapter(peft, -1));
    assertArrayEquals(base, away, 1e-5f);
  }

  @Test
  void rankStabilisedAdaptersHaveAnotherScale() throws IOException {
    Path plain = folder(AdapterVariantsTest::peft);
    Path stabilised = folder(configured(", \"use_rslora\": true"));

    assertArrayEquals(
        weight("transformer", Q, ditShape, adapter(plain, Math.sqrt(2))),
        weight("transformer", Q, ditShape, adapter(stabilised, 1)),
        1e-6f);
  }

  @Test
  void valuesThatAreNotFiniteAreRefused() throws IOException {
    String name = "base_model.model." + Q + ".lora_B.weight";
    Path folder =
        folder(
            changed(
                t -> {
                  ByteBuffer bytes =
                      ByteBuffer.wrap(t.get(name).data()).order(ByteOrder.LITTLE_ENDIAN);
                  bytes.putFloat(8, Float.NaN);
                }));

    assertEquals(
        "Cannot load model: adapter "
            + folder
            + ": tensor "
            + name
            + " has values that are not finite",
        assertThrows(
                CheckpointException.class,
                () -> weight("transformer", Q, ditShape, adapter(folder, 1)))
            .getMessage());
  }

  @Test
  void adaptersAreMergedInEightBitsToo() throws IOException {
    Adapter adapter = adapter(folder(AdapterVariantsTest::peft), 1);
    CheckpointFolder folder = CheckpointFolder.open(MODEL).withAdapters(List.of(adapter));
    List<byte[]> images = new ArrayList<>();
    for (CheckpointFolder model : List.of(folder, CheckpointFolder.open(MODEL))) {
      try (GlmImagePipeline pipeline =
          GlmImagePipeline.load(model, Compute.cpu().withPrecision(Precision.FP8))) {
        images.add(edited(pipeline));
      }
    }
    assertFalse(Arrays.equals(images.get(0), images.get(1)));
  }

  private static byte[] edited(GlmImagePipeline pipeline) {
    EditResult result =
        pipeline
            .edit(List.of(new EditRequest("row", "a circle", List.of(), 32, 32, 1, 1.0, 7)))
            .get(0);
    assertNull(result.error(), () -> String.valueOf(result.error()));
    return result.image().pixels();
  }

  @Test
  void thereAreManyVariants() throws ReflectiveOperationException {
    long variants = Variants.count(this);
    System.out.printf("variants   AdapterVariantsTest: %d%n", variants);
    assertTrue(variants >= 40, variants + " variants");
  }
}
