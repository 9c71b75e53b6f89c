package io.glmimage.model.dit;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.CheckpointException;
import io.glmimage.kernel.AtenKernels;
import io.glmimage.model.Grid;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.Philox;
import io.glmimage.tensor.TensorScope;
import io.glmimage.weights.CheckpointFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The network's rules, on the bundled model. */
class GlmImageTransformerTest {
  private static final Path MODEL = Path.of("src/main/resources/models/glm-image-tiny");
  private static final Grid GRID = new Grid(4, 6);
  private static final int HEIGHT = 64;
  private static final int WIDTH = 96;
  private static final double[] TIMESTEPS = {999, 499};
  private static final float[] SIGMAS = {1, 0.4f, 0};

  private static GlmImageTransformer network;

  @BeforeAll
  static void load() {
    network =
        GlmImageTransformer.load(CheckpointFolder.open(MODEL), Compute.cpu(), new AtenKernels());
  }

  @AfterAll
  static void close() {
    network.close();
  }

  private static Tensor glyphs(GlmImageTransformer network, int tokens) {
    return Ops.of(
        new Philox(1, 1).normals(tokens * network.textEmbedDim()), tokens, network.textEmbedDim());
  }

  private static int[] ids(Grid grid) {
    int[] ids = new int[grid.size()];
    Arrays.setAll(ids, i -> (37 * i + 11) % network.codebookSize());
    return ids;
  }

  private static Tensor latents(Grid grid, int seed) {
    int p = network.patchSize();
    return Ops.of(
        new Philox(seed, 2).normals(network.channels() * grid.size() * p * p),
        network.channels(),
        (long) grid.rows() * p,
        (long) grid.columns() * p);
  }

  /** The predicted noise of every sequence, then the latents after all steps. */
  private static List<float[]> run(
      GlmImageTransformer network, boolean withSource, double guidance, int text) {
    try (TensorScope scope = new TensorScope();
        Modulation modulation = network.modulation(TIMESTEPS, HEIGHT, WIDTH);
        DitSequence conditional = network.prepare(glyphs(network, text), ids(GRID));
        DitSequence unconditional = network.prepare(glyphs(network, 1), null);
        SourceCache cache =
            network.newCache(withSource ? 8 : 0, conditional.textTokens() + GRID.size())) {
      if (withSource) {
        Grid source = new Grid(2, 4);
        network.writeSource(cache, latents(source, 5), ids(source), 32, 64);
      }
      try (Denoiser denoiser =
          network.denoiser(
              GRID,
              new DenoisingSteps(modulation, SIGMAS),
              new Guidance(guidance, conditional, unconditional),
              cache)) {
        Tensor latents = latents(GRID, 3);
        List<float[]> out = new ArrayList<>();
        denoiser.predictNoise(latents, 0).forEach(n -> out.add(Ops.toFloats(n)));
        for (int i = 0; i < denoiser.steps(); i++) {
          denoiser.step(latents, i);
        }
        out.add(Ops.toFloats(latents));
        return out;
      }
    }
  }

  /** Equal up to the order of sums: products with another number of rows use other blocks. */
  @ParameterizedTest
  @CsvSource({"true, 5", "false, 5", "true, 0", "false, 0"})
  void aPackedForwardEqualsItsBranchesComputedSeparately(boolean withSource, int text) {
    List<float[]> together = run(network, withSource, 1.5, text);
    float[] conditional = run(network, withSource, 1, text).get(0);
    assertArrayEquals(conditional, together.get(0), 5e-6f);
    try (TensorScope scope = new TensorScope();
        Modulation modulation = network.modulation(TIMESTEPS, HEIGHT, WIDTH);
        DitSequence alone = network.prepare(glyphs(network, 1), null);
        Denoiser denoiser =
            network.denoiser(
                GRID, new DenoisingSteps(modulation, SIGMAS), Guidance.none(alone), null)) {
      float[] unconditional = Ops.toFloats(denoiser.predictNoise(latents(GRID, 3), 0).get(0));
      assertArrayEquals(unconditional, together.get(1), 5e-6f);
    }
  }

  @Test
  void withoutGuidanceOnlyTheConditionalSequenceRuns() {
    assertEquals(2, run(network, false, 1, 3).size());
    assertEquals(3, run(network, false, 1.01, 3).size());
  }

  @Test
  void anImageHasTheSameBitsEveryTime() {
    List<float[]> first = run(network, true, 1.5, 4);
    run(network, false, 3, 9);
    List<float[]> second = run(network, true, 1.5, 4);
    for (int i = 0; i < first.size(); i++) {
      assertArrayEquals(first.get(i), second.get(i), 0f);
    }
  }

  @Test
  void sourcesChangeTheResult() {
    float[] with = run(network, true, 1, 4).get(0);
    float[] without = run(network, false, 1, 4).get(0);
    assertTrue(!Arrays.equals(with, without));
  }

  @Test
  void sourcesDoNotSeeEachOther() {
    Grid small = new Grid(2, 2);
    Grid wide = new Grid(2, 4);
    try (TensorScope scope = new TensorScope();
        SourceCache both = network.newCache(small.size() + wide.size(), 0);
        SourceCache second = network.newCache(wide.size(), 0)) {
      network.writeSource(both, latents(small, 1), ids(small), 32, 32);
      assertEquals(small.size(), both.written());
      network.writeSource(both, latents(wide, 2), ids(wide), 32, 64);
      network.writeSource(second, latents(wide, 2), ids(wide), 32, 64);
      for (int layer = 0; layer < network.weights().config().layers(); layer++) {
        assertArrayEquals(
            Ops.toFloats(second.rows(layer, 0, wide.size()).key()),
            Ops.toFloats(both.rows(layer, small.size(), wide.size()).key()),
            0f);
        assertArrayEquals(
            Ops.toFloats(second.rows(layer, 0, wide.size()).value()),
            Ops.toFloats(both.rows(layer, small.size(), wide.size()).value()),
            0f);
      }
    }
  }

  @Test
  void aWholeDroppedPriorEqualsEveryIdDropped() {
    int[] dropped = new int[GRID.size()];
    Arrays.fill(dropped, GlmImageTransformer.DROPPED);
    int[] half = ids(GRID);
    half[3] = GlmImageTransformer.DROPPED;
    try (TensorScope scope = new TensorScope();
        DitSequence whole = network.prepare(glyphs(network, 2), null);
        DitSequence each = network.prepare(glyphs(network, 2), dropped);
        DitSequence one = network.prepare(glyphs(network, 2), half)) {
      float[] row = Ops.toFloats(whole.prior());
      for (int i = 0; i < GRID.size(); i++) {
        assertArrayEquals(row, Ops.toFloats(each.prior().select(0, i)), 1e-6f);
      }
      assertArrayEquals(row, Ops.toFloats(one.prior().select(0, 3)), 1e-6f);
      assertTrue(!Arrays.equals(row, Ops.toFloats(one.prior().select(0, 2))));
    }
  }

  @Test
  void modulationOfManyStepsEqualsThatOfEachStepAlone() {
    double[] many = new double[2 * Modulation.WINDOW + 3];
    Arrays.setAll(many, i -> 999 - 3.0 * i);
    try (TensorScope scope = new TensorScope();
        Modulation all = network.modulation(many, HEIGHT, WIDTH)) {
      // Forwards and backwards, so that windows are filled again.
      for (int step : new int[] {0, Modulation.WINDOW, many.length - 1, 1, Modulation.WINDOW - 1}) {
        try (Modulation alone = network.modulation(new double[] {many[step]}, HEIGHT, WIDTH)) {
          assertArrayEquals(
              Ops.toFloats(alone.row(0)), Ops.toFloats(all.row(step)), 1e-5f, "step " + step);
        }
      }
      assertThrows(IllegalArgumentException.class, () -> all.row(many.length));
      assertThrows(IllegalArgumentException.class, () -> all.row(-1));
    }
  }

  /** With the same timestep and latents, the reused output equals the computed one. */
  @Test
  void aReusedStepAddsWhatTheBlocksAddedBefore() {
    double[] timesteps = {499, 499, 99, 9};
    float[] sigmas = {1, 1, 0.4f, 0.1f, 0};
    StepPlan plan = StepPlan.of(new double[] {0, 1, 9, 9}, 0.1);
    assertTrue(plan.reuses(1) && plan.reusedSteps() == 1);
    float[] exact = denoise(timesteps, sigmas, StepPlan.everyStep(4), 4);
    assertArrayEquals(exact, denoise(timesteps, sigmas, plan, 4), 1e-5f);
    // With other timesteps the result differs, but is close.
    double[] falling = {499, 459, 99, 9};
    float[] near = denoise(falling, new float[] {1, 0.95f, 0.4f, 0.1f, 0}, plan, 4);
    float[] wanted =
        denoise(falling, new float[] {1, 0.95f, 0.4f, 0.1f, 0}, StepPlan.everyStep(4), 4);
    assertTrue(!Arrays.equals(wanted, near));
    assertArrayEquals(wanted, near, 0.5f);
  }

  /** The noise of both branches, guided, then combined by hand. */
  @Test
  void aSolverOfTheSecondOrderExtrapolatesTheGuidedNoise() {
    double[] timesteps = {999, 499, 199};
    float[] sigmas = {1, 0.6f, 0.3f, 0};
    float[] factors = {0, 0.375f, 0.5f};
    try (TensorScope scope = new TensorScope();
        Modulation modulation = network.modulation(timesteps, HEIGHT, WIDTH);
        DitSequence conditional = network.prepare(glyphs(network, 3), ids(GRID));
        DitSequence unconditional = network.prepare(glyphs(network, 1), null);
        Denoiser denoiser =
            network.denoiser(
                GRID,
                new DenoisingSteps(modulation, sigmas, StepPlan.everyStep(3), factors),
                new Guidance(1.5, conditional, unconditional),
                null)) {
      Tensor latents = latents(GRID, 3);
      float[] expected = Ops.toFloats(latents);
      float[] before = new float[expected.length];
      refusedStep(
          "extrapolates the noise of step 1, but the last step is none", denoiser, latents, 2);
      for (int i = 0; i < 3; i++) {
        List<Tensor> noise = denoiser.predictNoise(latents, i);
        float[] cond = Ops.toFloats(noise.get(0).contiguous());
        float[] uncond = Ops.toFloats(noise.get(1).contiguous());
        for (int j = 0; j < expected.length; j++) {
          float now = uncond[j] + 1.5f * (cond[j] - uncond[j]);
          expected[j] += (sigmas[i + 1] - sigmas[i]) * (now + factors[i] * (now - before[j]));
          before[j] = now;
        }
        denoiser.step(latents, i);
        assertArrayEquals(expected, Ops.toFloats(latents), 2e-5f, "step " + i);
      }
      refusedStep("extrapolates the noise of step 0, but the last step is 2", denoiser, latents, 1);
    }
  }

  @Test
  void theSecondOrderNeedsEveryStepAndOneFactorOfEach() {
    float[] sigmas = {1, 0.6f, 0.4f, 0.2f, 0};
    try (Modulation modulation = network.modulation(new double[] {999, 599, 399, 199}, 64, 96)) {
      StepPlan all = StepPlan.everyStep(4);
      for (float[] factors : new float[][] {{0, 0.5f, 0.5f}, {0.5f, 0.5f, 0.5f, 0.5f}}) {
        assertThrows(
            IllegalArgumentException.class,
            () -> new DenoisingSteps(modulation, sigmas, all, factors));
      }
      StepPlan some = StepPlan.of(new double[] {0, 1, 1, 9}, 0.5);
      assertThrows(
          IllegalArgumentException.class,
          () -> new DenoisingSteps(modulation, sigmas, some, new float[] {0, 0.5f, 0.5f, 0.5f}));
    }
  }

  @Test
  void aStepThatReusesMustFollowTheStepItReuses() {
    StepPlan plan = StepPlan.of(new double[] {0, 1, 1, 9, 1, 9}, 0.2); // #..#.#
    double[] timesteps = {999, 799, 599, 399, 199, 1};
    float[] sigmas = {1, 0.8f, 0.6f, 0.4f, 0.2f, 0.1f, 0};
    try (TensorScope scope = new TensorScope();
        Modulation modulation = network.modulation(timesteps, HEIGHT, WIDTH);
        DitSequence sequence = network.prepare(glyphs(network, 2), ids(GRID));
        Denoiser denoiser =
            network.denoiser(
                GRID,
                new DenoisingSteps(modulation, sigmas, plan),
                Guidance.none(sequence),
                null)) {
      Tensor latents = latents(GRID, 3);
      refusedStep("reuses step 0, but the last one kept is none", denoiser, latents, 1);
      denoiser.step(latents, 0);
      denoiser.step(latents, 2);
      refusedStep("reuses step 3, but the last one kept is 0", denoiser, latents, 4);
      denoiser.step(latents, 3);
      refusedStep("reuses step 0, but the last one kept is 3", denoiser, latents, 1);
      denoiser.step(latents, 4);
      denoiser.step(latents, 5);
    }
  }

  private static void refusedStep(String part, Denoiser denoiser, Tensor latents, int step) {
    String message =
        assertThrows(IllegalStateException.class, () -> denoiser.step(latents, step)).getMessage();
    assertTrue(message.contains(part), message);
  }

  @Test
  void aPlanFollowsTheTimeEmbeddingAndLeaksNothing() {
    double[] timesteps = new double[30];
    float[] sigmas = new float[31];
    for (int i = 0; i < 30; i++) {
      timesteps[i] = 999 - 33.0 * i;
      sigmas[i] = 1 - i / 30f;
    }
    int before = 0;
    try (Modulation modulation = network.modulation(timesteps, HEIGHT, WIDTH)) {
      assertEquals(0, network.stepPlan(modulation, 0).reusedSteps());
      for (double threshold : new double[] {0.05, 0.1, 0.2, 1}) {
        StepPlan plan = network.stepPlan(modulation, threshold);
        assertTrue(plan.reusedSteps() > before, threshold + ": " + plan.reusedSteps());
        // Every computed step, except the first two and the last, follows a change of the
        // threshold.
        assertTrue(30 - plan.reusedSteps() <= 3 + 1 / threshold, "threshold " + threshold);
        before = plan.reusedSteps();
      }
      assertEquals(28, before);
      StepPlan plan = network.stepPlan(modulation, 0.1);
      float[] first = denoise(timesteps, sigmas, plan, 30);
      long pointers = Pointer.totalCount();
      assertArrayEquals(first, denoise(timesteps, sigmas, plan, 30), 0f);
      assertEquals(pointers, Pointer.totalCount());
    }
    try (Modulation one = network.modulation(new double[] {999}, HEIGHT, WIDTH)) {
      assertEquals(0, network.stepPlan(one, 1).reusedSteps());
    }
  }

  /** The latents after the first steps, guided and with a source. */
  private static float[] denoise(double[] timesteps, float[] sigmas, StepPlan plan, int steps) {
    try (TensorScope scope = new TensorScope();
        Modulation modulation = network.modulation(timesteps, HEIGHT, WIDTH);
        DitSequence conditional = network.prepare(glyphs(network, 3), ids(GRID));
        DitSequence unconditional = network.prepare(glyphs(network, 1), null);
        SourceCache cache = network.newCache(8, conditional.textTokens() + GRID.size())) {
      Grid source = new Grid(2, 4);
      network.writeSource(cache, latents(source, 5), ids(source), 32, 64);
      try (Denoiser denoiser =
          network.denoiser(
              GRID,
              new DenoisingSteps(modulation, sigmas, plan),
              new Guidance(1.5, conditional, unconditional),
              cache)) {
        assertEquals(plan.reusedSteps(), denoiser.plan().reusedSteps());
        Tensor latents = latents(GRID, 3);
        for (int i = 0; i < steps; i++) {
          denoiser.step(latents, i);
        }
        return Ops.toFloats(latents);
      }
    }
  }

  @Test
  void bfloat16StaysCloseToFloat32() {
    try (GlmImageTransformer half =
        GlmImageTransformer.load(
            CheckpointFolder.open(MODEL),
            new Compute("cpu", ScalarType.BFloat16),
            new AtenKernels())) {
      List<float[]> expected = run(network, true, 1.5, 4);
      List<float[]> actual = run(half, true, 1.5, 4);
      for (int i = 0; i < expected.size(); i++) {
        double square = 0;
        double error = 0;
        for (int j = 0; j < expected.get(i).length; j++) {
          square += Math.pow(expected.get(i)[j], 2);
          error += Math.pow(expected.get(i)[j] - actual.get(i)[j], 2);
        }
        assertTrue(error > 0, "bfloat16 was not used");
        assertTrue(Math.sqrt(error / square) < 0.03, i + ": " + Math.sqrt(error / square));
      }
    }
  }

  @Test
  void theMemoryOfAnImageIsFreedWithIt() {
    run(network, true, 1.5, 4);
    long before = Pointer.totalCount();
    for (int i = 0; i < 3; i++) {
      run(network, true, 1.5, 4);
    }
    assertEquals(before, Pointer.totalCount());
  }

  @Test
  void refusesWrongInputs() {
    try (TensorScope scope = new TensorScope();
        Modulation modulation = network.modulation(TIMESTEPS, HEIGHT, WIDTH);
        DitSequence sequence = network.prepare(glyphs(network, 2), ids(GRID));
        SourceCache cache = network.newCache(8, 2 + GRID.size());
        SourceCache tight = network.newCache(0, 3)) {
      refused(
          "Invalid prior id: 1024 at 0",
          () -> network.prepare(glyphs(network, 2), new int[] {1024}));
      refused(
          "Invalid prior id: -2 at 0", () -> network.prepare(glyphs(network, 2), new int[] {-2}));
      refused(
          "shape [2, 7], expected [S, 64]",
          () -> network.prepare(Ops.of(new float[14], 2, 7), null));
      refused(
          "2 steps by a plan of 3 steps",
          () -> new DenoisingSteps(modulation, SIGMAS, StepPlan.everyStep(3)));
      refused("with 2 sigmas", () -> open(GRID, modulation, new float[] {1, 0}, sequence, null));
      refused("without an unconditional", () -> new Guidance(1.5, sequence, null));
      refused("with 24 prior ids", () -> open(new Grid(2, 2), modulation, SIGMAS, sequence, null));
      refused("has room for 3", () -> open(GRID, modulation, SIGMAS, sequence, tight));
      assertTrue(
          assertThrows(
                  IllegalStateException.class,
                  () -> open(GRID, modulation, SIGMAS, sequence, cache))
              .getMessage()
              .contains("0 of 8 source tokens"));
      refused(
          "source of 24 tokens",
          () -> network.writeSource(cache, latents(GRID, 1), ids(GRID), HEIGHT, WIDTH));
      refused(
          "multiples of 2",
          () -> network.writeSource(cache, Ops.of(new float[8 * 6], 8, 2, 3), new int[3], 16, 24));
      assertEquals(0, cache.written());
      try (Denoiser denoiser = open(GRID, modulation, SIGMAS, sequence, null)) {
        refused("expected [8, 8, 12]", () -> denoiser.step(latents(new Grid(2, 2), 1), 0));
        refused("Invalid step: 2", () -> denoiser.step(latents(GRID, 1), 2));
      }
    }
  }

  private static Denoiser open(
      Grid grid, Modulation modulation, float[] sigmas, DitSequence sequence, SourceCache cache) {
    return network.denoiser(
        grid, new DenoisingSteps(modulation, sigmas), Guidance.none(sequence), cache);
  }

  private static void refused(String part, org.junit.jupiter.api.function.Executable call) {
    String message = assertThrows(IllegalArgumentException.class, call).getMessage();
    assertTrue(message.contains(part), message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "\"out_channels\": 8 | \"out_channels\": 16 | out_channels",
        "\"attention_head_dim\": 32 | \"attention_head_dim\": 6 | attention_head_dim",
        "\"time_embed_dim\": 48 | \"time_embed_dim\": 47 | time_embed_dim",
        "\"condition_dim\": 16 | \"condition_dim\": 15 | condition_dim",
        "\"patch_size\": 2 | \"patch_size\": 0 | patch_size",
        "\"num_layers\": 5 | \"num_layers\": 6 | transformer_blocks.5",
        "GlmImageTransformer2DModel | CogView4Transformer2DModel | _class_name",
      })
  void refusesCheckpointsOfAnotherArchitecture(
      String from, String to, String named, @TempDir Path folder) throws IOException {
    Files.createDirectory(folder.resolve("transformer"));
    Files.copy(MODEL.resolve("model_index.json"), folder.resolve("model_index.json"));
    String weights = "transformer/diffusion_pytorch_model.safetensors";
    Files.copy(MODEL.resolve(weights), folder.resolve(weights));
    String config = Files.readString(MODEL.resolve("transformer/config.json"));
    assertTrue(config.contains(from), config);
    Files.writeString(folder.resolve("transformer/config.json"), config.replace(from, to));
    String message =
        assertThrows(
                CheckpointException.class,
                () ->
                    GlmImageTransformer.load(
                        CheckpointFolder.open(folder), Compute.cpu(), new AtenKernels()))
            .getMessage();
    assertTrue(message.contains(named), message);
  }
}
