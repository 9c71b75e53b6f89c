package io.glmimage.pipeline;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import io.glmimage.golden.GoldenCase;
import io.glmimage.golden.Goldens;
import io.glmimage.golden.NormTolerance;
import io.glmimage.golden.Tolerance;
import io.glmimage.image.ImageDecoder;
import io.glmimage.image.RgbImage;
import io.glmimage.kernel.SamplingSettings;
import io.glmimage.model.Observer;
import io.glmimage.model.prior.PriorOptions;
import io.glmimage.model.scheduler.Schedule;
import io.glmimage.request.EditRequest;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import io.glmimage.weights.CheckpointFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Whole pipeline calls with the reference's noise and prior tokens. */
@Tag("parity")
class GlmImagePipelineParityTest {
  private static final Map<Path, GlmImagePipeline> PIPELINES = new HashMap<>();

  /** Relative error of the last latents in bfloat16. */
  private static final double BFLOAT16_LATENTS = 0.015;

  /** Peak signal-to-noise ratio of the edited images in bfloat16 to the reference's. */
  private static final double BFLOAT16_DECIBELS = 44;

  static Stream<GoldenCase> cases() {
    return Goldens.cases("10_e2e").stream();
  }

  @AfterAll
  static void close() {
    PIPELINES.values().forEach(GlmImagePipeline::close);
    PIPELINES.clear();
  }

  /** The place of a row's tensors: in a case of its own ("0/"), or at an index of a batch. */
  private record Row(String prefix, int index, int prompt) {}

  @ParameterizedTest
  @MethodSource("cases")
  void everyRowFollowsTheReference(GoldenCase golden) throws IOException {
    check(golden, pipeline(golden));
  }

  /** Requires that every row of a case follows the reference. */
  static void check(GoldenCase golden, GlmImagePipeline pipeline) throws IOException {
    List<Row> rows = rows(golden);
    Goldens.require(!rows.isEmpty(), "rows in " + golden);
    for (Row row : rows) {
      try (TensorScope scope = new TensorScope()) {
        check(golden, pipeline, row, golden.tolerance("latents"));
      }
    }
  }

  private static void priorTokens(
      GoldenCase golden, PriorTokens expected, PriorTokens own, String what) {
    Tolerance.exact(
        golden.name(), "prior token ids" + what, longs(expected.target()), longs(own.target()));
    for (int s = 0; s < own.sources().size(); s++) {
      Tolerance.exact(
          golden.name(),
          "source ids " + s + what,
          longs(expected.sources().get(s)),
          longs(own.sources().get(s)));
    }
  }

  private static void check(
      GoldenCase golden, GlmImagePipeline pipeline, Row row, Tolerance tolerance)
      throws IOException {
    JsonNode call = golden.json().get("call");
    String at = row.prefix();
    String what = " of row " + row.prefix() + row.index();
    EditRequest request = request(call, row.prompt());
    PreparedRequest prepared = pipeline.prepare(request);
    PriorTokens tokens = priorTokens(golden, prepared, row);
    if (call.path("prior_tokens").asText().startsWith("argmax")) {
      priorTokens(golden, tokens, pipeline.generatePriorTokens(List.of(prepared)).get(0), what);
    }
    schedule(golden, pipeline, prepared);
    Tensor embeds = pipeline.encodePrompt(request.prompt());
    if (golden.has("prompt_embeds")) {
      // The transformer's inputs are the embeddings of the batch, with the reference's padding.
      Tensor given = golden.tensor("prompt_embeds").select(0, row.index());
      int padding = Math.toIntExact(given.size(0) - embeds.size(0));
      embeddings(
          golden, given.narrow(0, padding, embeds.size(0)), embeds, "prompt embeddings" + what);
      embeds = given;
    }
    List<Tensor> steps = new ArrayList<>();
    List<Tensor> sources = new ArrayList<>();
    Tensor latents =
        pipeline.denoise(
            prepared,
            tokens,
            golden.tensor(at + "in/latents").select(0, row.index()),
            embeds,
            (name, tensor) -> (name.equals("step_latents") ? steps : sources).add(scoped(tensor)));
    for (int s = 0; s < sources.size() && row.prefix().isEmpty(); s++) {
      int order = conditionIndex(call, row.prompt()) + s;
      compare(
          golden,
          "condition_latents_" + order,
          golden.tensor("condition_latents_" + order),
          sources.get(s),
          tolerance);
    }
    Tensor expected = golden.tensor(at + "step_latents");
    assertEquals(expected.size(0), steps.size(), golden.name());
    for (int i = 0; i < steps.size(); i++) {
      compare(
          golden,
          "latents after step " + (i + 1) + what,
          expected.select(0, i).select(0, row.index()),
          steps.get(i),
          tolerance);
    }
    image(golden, pipeline, row, latents, what);
  }

  /** From the reference's noise and prior tokens to the edited image. */
  @Tag("bfloat16")
  @ParameterizedTest
  @MethodSource("cases")
  void bfloat16StaysWithinItsRounding(GoldenCase golden) throws IOException {
    JsonNode call = golden.json().get("call");
    Compute compute = Goldens.bfloat16();
    PriorOptions greedy = PriorOptions.defaults(compute).withSampling(SamplingSettings.greedy());
    try (GlmImagePipeline pipeline = GlmImagePipeline.load(golden.checkpoint(), compute, greedy)) {
      for (Row row : rows(golden)) {
        try (TensorScope scope = new TensorScope()) {
          EditRequest request = request(call, row.prompt());
          PreparedRequest prepared = pipeline.prepare(request);
          Tensor embeds =
              golden.has("prompt_embeds")
                  ? golden.tensor("prompt_embeds").select(0, row.index())
                  : pipeline.encodePrompt(request.prompt());
          Tensor noise = golden.tensor(row.prefix() + "in/latents").select(0, row.index());
          Tensor latents =
              pipeline.denoise(
                  prepared, priorTokens(golden, prepared, row), noise, embeds, Observer.NONE);
          String what = " of row " + row.prefix() + row.index();
          Tensor steps = golden.tensor(row.prefix() + "step_latents");
          new NormTolerance("bfloat16", BFLOAT16_LATENTS)
              .check(
                  golden.name(),
                  "last latents" + what,
                  Ops.toFloats(steps.select(0, steps.size(0) - 1).select(0, row.index())),
                  Ops.toFloats(latents));
          byte[] expected =
              Ops.toBytes(golden.tensor(row.prefix() + "image_uint8").select(0, row.index()));
          new NormTolerance("bfloat16", 0)
              .atLeast(
                  golden.name(),
                  "decibels of the image" + what,
                  BFLOAT16_DECIBELS,
                  Likeness.decibels(expected, pipeline.decode(latents).pixels()));
        }
      }
    }
  }

  private static void image(
      GoldenCase golden, GlmImagePipeline pipeline, Row row, Tensor latents, String what) {
    Tensor decoded = pipeline.vae().decode(latents.unsqueeze(0));
    if (golden.has(row.prefix() + "image")) {
      double atol = golden.json().get("tolerance").get("image").get("atol").asDouble();
      // [1, 3, H, W] -> [H, W, 3]
      Tensor own = decoded.select(0, 0).permute(1, 2, 0);
      compare(
          golden,
          "image" + what,
          golden.tensor(row.prefix() + "image").select(0, row.index()),
          own,
          new Tolerance(atol, 0));
    }
    byte[] expected =
        Ops.toBytes(golden.tensor(row.prefix() + "image_uint8").select(0, row.index()));
    Tolerance.pixels(
        golden.name(), "image uint8" + what, expected, pipeline.decode(latents).pixels());
  }

  private static void schedule(
      GoldenCase golden, GlmImagePipeline pipeline, PreparedRequest prepared) {
    if (golden.has("sigmas")) {
      Schedule schedule =
          pipeline.scheduler().schedule(prepared.request().steps(), prepared.imageGrid().size());
      new Tolerance(1e-5, 1e-6)
          .check(golden.name(), "sigmas", golden.floats("sigmas"), schedule.sigmas());
      new Tolerance(0, 0)
          .check(golden.name(), "timesteps", golden.floats("timesteps"), schedule.timesteps());
    }
  }

  private static void embeddings(GoldenCase golden, Tensor expected, Tensor actual, String what) {
    compare(golden, what, expected, actual, Tolerance.scaled(2e-5, 2e-4));
  }

  private static void compare(
      GoldenCase golden, String what, Tensor expected, Tensor actual, Tolerance tolerance) {
    tolerance.check(golden.name(), what, Ops.toFloats(expected), Ops.toFloats(actual));
  }

  private static Tensor scoped(Tensor tensor) {
    // The next step overwrites the latents.
    Tensor copy = tensor.clone();
    return copy.retainReference();
  }

  private static EditRequest request(JsonNode call, int prompt) throws IOException {
    List<RgbImage> sources = new ArrayList<>();
    for (JsonNode name :
        call.get("images").isNull() ? List.<JsonNode>of() : call.get("images").get(prompt)) {
      Path file = Goldens.image(name.asText());
      sources.add(ImageDecoder.decode(Files.readAllBytes(file), file.toString()));
    }
    boolean sized = call.path("passed_height_width").asBoolean(true);
    return new EditRequest(
        "golden",
        call.get("prompts").get(prompt).asText(),
        sources,
        sized ? call.get("height").asInt() : null,
        sized ? call.get("width").asInt() : null,
        call.get("num_inference_steps").asInt(),
        call.get("guidance_scale").asDouble(),
        0);
  }

  private static PriorTokens priorTokens(GoldenCase golden, PreparedRequest prepared, Row row) {
    Tensor target = golden.tensor(row.prefix() + "in/prior_token_ids");
    // Images of the same prompt share its prior tokens.
    long index = row.prefix().isEmpty() ? row.prompt() : row.index();
    List<int[]> sources = new ArrayList<>();
    if (!prepared.sources().isEmpty()) {
      int sample = row.prefix().isEmpty() ? row.prompt() : row.index();
      int[] all = Ops.toInts(golden.tensor(row.prefix() + "in/prior_token_image_ids_" + sample));
      int start = 0;
      for (var source : prepared.sources()) {
        int count = source.grid().doubled().size();
        sources.add(Arrays.copyOfRange(all, start, start + count));
        start += count;
      }
      assertEquals(all.length, start, golden.name() + ": source tokens");
      long[] grids = golden.longs(row.prefix() + "in/source_image_grid_thw_" + sample);
      long[] own =
          prepared.sources().stream()
              .flatMapToInt(
                  s -> IntStream.of(1, s.grid().doubled().rows(), s.grid().doubled().columns()))
              .asLongStream()
              .toArray();
      Tolerance.exact(golden.name(), "source grids", grids, own);
    }
    return new PriorTokens(Ops.toInts(target.select(0, index)), sources);
  }

  private static List<Row> rows(GoldenCase golden) {
    List<Row> rows = new ArrayList<>();
    if (golden.has("in/latents")) {
      int perPrompt = golden.json().get("call").path("num_images_per_prompt").asInt(1);
      for (int i = 0; i < golden.shape("in/latents")[0]; i++) {
        rows.add(new Row("", i, i / perPrompt));
      }
    } else {
      for (String alone : golden.subCases()) {
        rows.add(new Row(alone + "/", 0, Integer.parseInt(alone)));
      }
    }
    return rows;
  }

  /** Condition latents are numbered through the sources of all prompts. */
  private static int conditionIndex(JsonNode call, int prompt) {
    int count = 0;
    for (int i = 0; i < prompt; i++) {
      count += call.get("images").get(i).size();
    }
    return count;
  }

  private static long[] longs(int[] ids) {
    return Arrays.stream(ids).asLongStream().toArray();
  }

  private static GlmImagePipeline pipeline(GoldenCase golden) {
    return PIPELINES.computeIfAbsent(
        golden.checkpoint().root(), root -> greedy(golden.checkpoint()));
  }

  /** A pipeline whose prior tokens are the most probable ones. */
  static GlmImagePipeline greedy(CheckpointFolder folder) {
    Compute compute = Goldens.compute();
    return GlmImagePipeline.load(
        folder, compute, PriorOptions.defaults(compute).withSampling(SamplingSettings.greedy()));
  }
}
