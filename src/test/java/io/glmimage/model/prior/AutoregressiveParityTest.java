package io.glmimage.model.prior;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.glmimage.golden.GoldenCase;
import io.glmimage.golden.Goldens;
import io.glmimage.golden.NormTolerance;
import io.glmimage.golden.Tolerance;
import io.glmimage.kernel.SamplingSettings;
import io.glmimage.model.Grid;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@Tag("parity")
class AutoregressiveParityTest {
  /** Relative error of logits in bfloat16. */
  private static final double BFLOAT16 = 0.025;

  /** Share of steps with the same likeliest id. With random weights, likelihoods are close. */
  private static final double BFLOAT16_TOP_1 = 0.95;

  /**
   * Relative error of logits with linear layers in 8 bits. It depends on the random weights: 10 %
   * to 14 % with the bundled checkpoints.
   */
  private static final double FP8 = 0.16;

  /**
   * Share of steps with the same likeliest id in 8 bits: 84 % and 86 % with the bundled
   * checkpoints, 75.8 % with another one.
   */
  private static final double FP8_TOP_1 = 0.7;

  static List<GoldenCase> cases() {
    return Goldens.cases("04_autoregressive");
  }

  @ParameterizedTest
  @MethodSource("cases")
  void givesTheReferencesHiddenStatesAndLogitsAndIds(GoldenCase golden) {
    GoldenCase processor = PriorFixture.processorOf(golden);
    PriorOptions greedy =
        PriorOptions.defaults(Goldens.compute()).withSampling(SamplingSettings.greedy());
    try (PriorModel model =
        PriorModel.load(golden.checkpoint(), Goldens.compute(), Goldens.kernels(), greedy)) {
      for (String sub : golden.subCases()) {
        try (TensorScope scope = new TensorScope()) {
          new SubCase(golden, new PriorFixture(processor, sub), model, sub).check();
        }
      }
    }
  }

  /** Logits after the reference's tokens: every step reads the id that the reference read. */
  @Tag("bfloat16")
  @ParameterizedTest
  @MethodSource("cases")
  void bfloat16StaysWithinItsRounding(GoldenCase golden) {
    inexact(golden, Goldens.bfloat16(), new NormTolerance("bfloat16", BFLOAT16), BFLOAT16_TOP_1);
  }

  @Tag("bfloat16")
  @ParameterizedTest
  @MethodSource("cases")
  void fp8StaysWithinItsRounding(GoldenCase golden) {
    inexact(golden, Goldens.fp8(), new NormTolerance("fp8", FP8), FP8_TOP_1);
  }

  private static void inexact(
      GoldenCase golden, Compute compute, NormTolerance tolerance, double agreement) {
    GoldenCase processor = PriorFixture.processorOf(golden);
    Agreement top = new Agreement();
    try (PriorModel model =
        PriorModel.load(golden.checkpoint(), compute, Goldens.kernels(compute))) {
      for (String sub : golden.subCases()) {
        try (TensorScope scope = new TensorScope()) {
          SubCase subCase = new SubCase(golden, new PriorFixture(processor, sub), model, sub);
          subCase.takeSourceIdsOfTheReference();
          subCase.checkInexact(tolerance, top);
        }
      }
    }
    tolerance.atLeast(
        golden.name(),
        "top-1 agreement over " + top.all + " logits",
        agreement,
        top.equal / (double) top.all);
  }

  private static final class Agreement {
    int all;
    int equal;
  }

  /** All rows of a sub-case, side by side in the slots. */
  private static final class SubCase {
    private final GoldenCase golden;
    private final Tolerance tolerance;
    private final PriorModel model;
    private final String sub;
    private final List<PriorFixture.Row> rows;
    private final List<PriorPrompt> prompts = new ArrayList<>();

    SubCase(GoldenCase golden, PriorFixture fixture, PriorModel model, String sub) {
      this.golden = golden;
      this.tolerance = golden.tolerance();
      this.model = model;
      this.sub = sub;
      rows = fixture.rows();
      for (PriorFixture.Row row : rows) {
        prompts.add(row.prompt(fixture.sourceTokens(model, row), 0));
      }
    }

    void check() {
      for (int b = 0; b < rows.size(); b++) {
        checkPrefill(b);
      }
      checkForced();
      checkGreedy();
    }

    private void checkPrefill(int b) {
      PriorFixture.Row row = rows.get(b);
      int[] ids = model.promptIds(prompts.get(b));
      if (golden.has(sub + "/input_ids_with_image_tokens")) {
        Tensor expected = valid(golden.tensor(sub + "/input_ids_with_image_tokens"), row, b);
        Tolerance.exact(
            golden.name(),
            sub + "/input_ids_with_image_tokens row " + b,
            Ops.toLongs(expected),
            Arrays.stream(ids).asLongStream().toArray());
      }
      PriorDecoder decoder = model.decoder();
      int length = ids.length;
      TextConfig config =
          TextConfig.read(
              golden
                  .checkpoint()
                  .config("vision_language_encoder/config.json")
                  .object("text_config"));
      try (TensorScope scope = new TensorScope();
          KvCache cache = new KvCache(config, Goldens.compute(), 1, length)) {
        RotaryTable.CosSin table = model.rotary().at(model.positions(prompts.get(b)), 0, length);
        Tensor cells =
            torch.arange(new Scalar((long) length), Goldens.compute().options(ScalarType.Long));
        PriorDecoder.Place place =
            new PriorDecoder.Place(
                Ops.to(table.cos(), Goldens.compute()),
                Ops.to(table.sin(), Goldens.compute()),
                cells,
                null);
        Tensor residual =
            decoder.embed(Ops.to(Ops.of(ids, length), Goldens.compute(), ScalarType.Long));
        Tensor normed = decoder.firstNorm(residual);
        for (int i = 0; i < decoder.layers(); i++) {
          if (golden.has(sub + "/hidden_" + i)) {
            checkRow("hidden_" + i, residual, b);
          }
          normed = decoder.layer(i, residual, normed, place, cache);
        }
        if (golden.has(sub + "/hidden_norm")) {
          checkRow("hidden_norm", normed, b);
        }
        Tensor logits = decoder.logits(normed.narrow(0, length - 1, 1));
        checkLogits("prefill_logits", golden.tensor(sub + "/prefill_logits"), logits, b);
      }
    }

    private void checkRow(String name, Tensor actual, int b) {
      Tensor expected = valid(golden.tensor(sub + "/" + name), rows.get(b), b);
      tolerance.check(
          golden.name(),
          sub + "/" + name + " row " + b,
          Ops.toFloats(expected),
          Ops.toFloats(actual));
    }

    private void checkLogits(String what, Tensor expected, Tensor actual, int b) {
      tolerance.check(
          golden.name(),
          sub + "/" + what + " row " + b,
          Ops.toFloats(expected.narrow(0, b, 1)),
          Ops.toFloats(actual));
    }

    /** {@code [B, L, ...] -> [T, ...]}: row b without its padding. */
    private static Tensor valid(Tensor batch, PriorFixture.Row row, int b) {
      return batch
          .select(0, b)
          .index_select(
              0,
              Ops.to(
                  Ops.of(row.columns(), row.columns().length), Goldens.compute(), ScalarType.Long));
    }

    private DecodeSlots admitted(int extra) {
      int capacity =
          extra + prompts.stream().mapToInt(p -> p.inputIds().length + p.newTokens()).sum();
      DecodeSlots slots = model.newSlots(rows.size(), rows.size(), capacity);
      for (int b = 0; b < rows.size(); b++) {
        PriorPrompt prompt = prompts.get(b);
        slots.admit(
            b,
            model.promptIds(prompt),
            model.rotary(),
            model.positions(prompt),
            model.sampler().uniforms(0, prompt.newTokens()));
      }
      return slots;
    }

    private void checkForced() {
      long[] steps = golden.longs(sub + "/forced_steps");
      Tensor forcedLogits = golden.tensor(sub + "/forced_logits");
      Tensor forcedIds = golden.tensor(sub + "/forced_ids");
      long[] expectedPositions = golden.longs(sub + "/forced_position_ids");
      int batch = rows.size();
      long lastStep = Math.min(steps[steps.length - 1], prompts.get(0).newTokens() - 1L);
      try (TensorScope scope = new TensorScope();
          DecodeSlots slots = admitted(1)) {
        int k = steps[0] == 0 ? 1 : 0;
        for (int step = 1; step <= lastStep; step++) {
          try (TensorScope stepScope = new TensorScope()) {
            // Step s reads the previous id.
            Tensor hidden = slots.stepForced(forcedIds.select(1, step - 1));
            if (k < steps.length && steps[k] == step) {
              Tensor logits = model.decoder().logits(hidden);
              for (int b = 0; b < batch; b++) {
                checkLogits(
                    "forced_logits step " + step,
                    forcedLogits.select(0, k),
                    logits.narrow(0, b, 1),
                    b);
                RopePositions positions = model.positions(prompts.get(b));
                long[] expected = new long[3];
                long[] actual = new long[3];
                for (int axis = 0; axis < 3; axis++) {
                  expected[axis] = expectedPositions[((k - 1) * 3 + axis) * batch + b];
                  actual[axis] =
                      positions.axes()[axis][prompts.get(b).inputIds().length + step - 1];
                }
                Tolerance.exact(
                    golden.name(), sub + "/forced_position_ids " + step, expected, actual);
              }
              k++;
            }
          }
        }
      }
    }

    /** Uses the reference's source ids, so that only the decoder's own error is measured. */
    void takeSourceIdsOfTheReference() {
      if (!golden.has(sub + "/input_ids_with_image_tokens")) {
        return;
      }
      for (int b = 0; b < rows.size(); b++) {
        PriorFixture.Row row = rows.get(b);
        int[] all = Ops.toInts(valid(golden.tensor(sub + "/input_ids_with_image_tokens"), row, b));
        // No code has the id of the placeholder.
        int[] replaced =
            IntStream.range(0, all.length)
                .filter(i -> all[i] != row.ids()[i])
                .map(i -> all[i])
                .toArray();
        List<int[]> sources = new ArrayList<>();
        int from = 0;
        for (Grid grid : row.sourceGrids()) {
          sources.add(Arrays.copyOfRange(replaced, from, from + grid.size()));
          from += grid.size();
        }
        assertEquals(replaced.length, from, sub);
        prompts.set(b, row.prompt(sources, 0));
      }
    }

    void checkInexact(NormTolerance tolerance, Agreement top) {
      long[] steps = golden.longs(sub + "/forced_steps");
      Tensor forcedLogits = golden.tensor(sub + "/forced_logits");
      Tensor forcedIds = golden.tensor(sub + "/forced_ids");
      long lastStep = Math.min(steps[steps.length - 1], prompts.get(0).newTokens() - 1L);
      List<Tensor> expected = new ArrayList<>();
      List<Tensor> actual = new ArrayList<>();
      try (TensorScope scope = new TensorScope();
          DecodeSlots slots = admitted(1)) {
        int k = steps[0] == 0 ? 1 : 0;
        for (int step = 1; step <= lastStep; step++) {
          Tensor hidden = slots.stepForced(forcedIds.select(1, step - 1));
          if (k < steps.length && steps[k] == step) {
            expected.add(forcedLogits.select(0, k));
            actual.add(model.decoder().logits(hidden).to(ScalarType.Float));
            k++;
          }
        }
        Tensor reference = Ops.cat(0, expected);
        Tensor own = Ops.cat(0, actual);
        tolerance.check(
            golden.name(), sub + "/forced_logits", Ops.toFloats(reference), Ops.toFloats(own));
        long[] ids = argmax(reference);
        long[] ownIds = argmax(own);
        for (int i = 0; i < ids.length; i++) {
          top.all++;
          top.equal += ids[i] == ownIds[i] ? 1 : 0;
        }
      }
    }

    /** {@code [N, V] -> [N]} */
    private static long[] argmax(Tensor logits) {
      return Ops.toLongs(logits.argmax(new LongOptional(1), false));
    }

    private void checkGreedy() {
      int tokens = prompts.get(0).newTokens();
      Tensor expected = golden.tensor(sub + "/greedy_ids");
      try (TensorScope scope = new TensorScope();
          DecodeSlots slots = admitted(tokens)) {
        for (int step = 1; step < tokens; step++) {
          slots.step();
        }
        for (int b = 0; b < rows.size(); b++) {
          // The reference's last id is the end token, which is not generated here.
          Tolerance.exact(
              golden.name(),
              sub + "/greedy_ids row " + b,
              Ops.toLongs(expected.select(0, b).narrow(0, 0, tokens)),
              Ops.toLongs(slots.generated(b, prompts.get(b).inputIds().length, 0, tokens)));
        }
      }
    }
  }
}
