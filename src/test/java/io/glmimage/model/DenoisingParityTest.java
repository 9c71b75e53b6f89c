package io.glmimage.model;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import io.glmimage.golden.GoldenCase;
import io.glmimage.golden.Goldens;
import io.glmimage.golden.Tolerance;
import io.glmimage.model.dit.Denoiser;
import io.glmimage.model.dit.DenoisingSteps;
import io.glmimage.model.dit.DitSequence;
import io.glmimage.model.dit.GlmImageTransformer;
import io.glmimage.model.dit.Guidance;
import io.glmimage.model.dit.Modulation;
import io.glmimage.model.dit.SourceCache;
import io.glmimage.model.scheduler.FlowMatchEulerScheduler;
import io.glmimage.model.scheduler.Schedule;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The denoising loop of whole pipeline calls, from stored embeddings, prior ids and source latents:
 * sigmas, noise predictions and the latents after every step.
 */
@Tag("parity")
class DenoisingParityTest {
  /** The cases that contain the inputs of the loop. */
  static List<GoldenCase> cases() {
    List<GoldenCase> found =
        Goldens.cases("10_e2e").stream().filter(c -> c.has("prompt_embeds")).toList();
    Goldens.require(!found.isEmpty(), "case 10_e2e* with embeddings");
    return found;
  }

  @ParameterizedTest
  @MethodSource("cases")
  void latentsAfterEveryStepMatchTheReference(GoldenCase golden) {
    JsonNode call = golden.json().get("call");
    try (TensorScope scope = new TensorScope();
        GlmImageTransformer network =
            GlmImageTransformer.load(golden.checkpoint(), Goldens.compute(), Goldens.kernels())) {
      long[] shape = golden.shape("in/latents");
      Grid grid =
          new Grid((int) shape[2] / network.patchSize(), (int) shape[3] / network.patchSize());
      Schedule schedule =
          FlowMatchEulerScheduler.load(golden.checkpoint())
              .schedule(call.get("num_inference_steps").asInt(), grid.size());
      new Tolerance(1e-6, 1e-6)
          .check(golden.name(), "sigmas", golden.floats("sigmas"), schedule.sigmas());
      new Tolerance(0, 0)
          .check(golden.name(), "timesteps", golden.floats("timesteps"), schedule.timesteps());
      try (Modulation modulation =
          network.modulation(
              schedule.networkTimesteps(), call.get("height").asInt(), call.get("width").asInt())) {
        int rows = (int) shape[0];
        for (int row = 0; row < rows; row++) {
          try (TensorScope rowScope = new TensorScope()) {
            denoise(network, golden, row, rows, grid, schedule, modulation);
          }
        }
      }
    }
  }

  /** Denoises, and compares the noise of some steps and the latents after each step. */
  private static void compareSteps(
      GoldenCase golden, Denoiser denoiser, Tensor latents, int row, int rows) {
    JsonNode call = golden.json().get("call");
    boolean guided = call.get("guidance_scale").asDouble() > 1;
    List<Integer> noiseSteps = new ArrayList<>();
    call.get("noise_pred_steps").forEach(s -> noiseSteps.add(s.asInt()));
    int compared = 0;
    for (int i = 0; i < denoiser.steps(); i++) {
      try (TensorScope stepScope = new TensorScope()) {
        int kept = noiseSteps.indexOf(i);
        if (kept >= 0) {
          List<Tensor> noise = denoiser.predictNoise(latents, i);
          assertEquals(guided ? 2 : 1, noise.size());
          check(golden, "noise_pred_cond", kept, row, rows, noise.get(0));
          if (guided) {
            check(golden, "noise_pred_uncond", kept, row, rows, noise.get(1));
          }
          compared++;
        }
        denoiser.step(latents, i);
        check(golden, "step_latents", i, row, rows, latents);
      }
    }
    assertEquals(noiseSteps.size(), compared);
  }

  private static void denoise(
      GlmImageTransformer network,
      GoldenCase golden,
      int row,
      int rows,
      Grid grid,
      Schedule schedule,
      Modulation modulation) {
    JsonNode call = golden.json().get("call");
    double guidance = call.get("guidance_scale").asDouble();
    int prompts = call.get("prompts").size();
    int prompt = row / (rows / prompts);
    Tensor latents = golden.tensor("in/latents").select(0, row).clone();
    DitSequence unconditional =
        guidance > 1
            ? network.prepare(rowOf(golden, "negative_prompt_embeds", row, rows), null)
            : null;
    SourceCache cache = null;
    try (DitSequence conditional =
        network.prepare(
            rowOf(golden, "prompt_embeds", row, rows),
            Ops.toInts(rowOf(golden, "in/prior_token_ids", row, rows)))) {
      if (golden.has("in/prior_token_image_ids_" + prompt)) {
        cache = sources(network, golden, prompt, conditional.textTokens() + grid.size());
      }
      try (Denoiser denoiser =
          network.denoiser(
              grid,
              new DenoisingSteps(modulation, schedule.sigmas()),
              new Guidance(guidance, conditional, unconditional),
              cache)) {
        compareSteps(golden, denoiser, latents, row, rows);
      }
    } finally {
      if (unconditional != null) {
        unconditional.close();
      }
      if (cache != null) {
        cache.close();
      }
    }
  }

  private static SourceCache sources(
      GlmImageTransformer network, GoldenCase golden, int prompt, int room) {
    int first = 0;
    for (int p = 0; p < prompt; p++) {
      first += (int) golden.shape("in/source_image_grid_thw_" + p)[0];
    }
    long[] grids = golden.longs("in/source_image_grid_thw_" + prompt);
    int[] ids =
        Arrays.stream(golden.longs("in/prior_token_image_ids_" + prompt))
            .mapToInt(Math::toIntExact)
            .toArray();
    SourceCache cache = network.newCache(ids.length, room);
    int next = 0;
    for (int j = 0; j < grids.length / 3; j++) {
      int rows = (int) grids[3 * j + 1];
      int columns = (int) grids[3 * j + 2];
      // A token of the doubled grid stands for 16 pixels.
      network.writeSource(
          cache,
          golden.tensor("condition_latents_" + (first + j)).select(0, 0),
          Arrays.copyOfRange(ids, next, next + rows * columns),
          16 * rows,
          16 * columns);
      next += rows * columns;
    }
    return cache;
  }

  /** The row of a tensor that has one row per prompt, or one per image. */
  private static Tensor rowOf(GoldenCase golden, String tensor, int row, int rows) {
    int has = (int) golden.shape(tensor)[0];
    return golden.tensor(tensor).select(0, row / (rows / has));
  }

  private static void check(
      GoldenCase golden, String tensor, int step, int row, int rows, Tensor actual) {
    golden
        .tolerance("latents")
        .check(
            golden.name(),
            tensor + "[" + step + (rows > 1 ? ", " + row : "") + "]",
            Ops.toFloats(golden.tensor(tensor).select(0, step).select(0, row)),
            Ops.toFloats(actual));
  }
}
