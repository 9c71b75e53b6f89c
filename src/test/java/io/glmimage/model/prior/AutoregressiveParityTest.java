package io.glmimage.model.prior;

import io.glmimage.golden.GoldenCase;
import io.glmimage.golden.Goldens;
import io.glmimage.golden.RelativeError;
import io.glmimage.golden.Tolerance;
import io.glmimage.kernel.SamplingSettings;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.Precision;
import io.glmimage.tensor.TensorScope;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@Tag("parity")
class AutoregressiveParityTest {
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

  /** No parity: what bfloat16 and 8-bit products cost, measured against the float32 reference. */
  @ParameterizedTest
  @MethodSource("cases")
  void inexactLogitsAreNear(GoldenCase golden) {
    for (Compute compute : Goldens.inexact()) {
      try (PriorModel model =
          PriorModel.load(
              golden.checkpoint(), compute, Goldens.kernels(), PriorOptions.defaults(compute))) {
        for (String sub : golden.subCases()) {
          inexactLogits(golden, sub, model, compute);
        }
      }
    }
  }

  private static void inexactLogits(
      GoldenCase golden, String sub, PriorModel model, Compute compute) {
    List<float[]> expected = new ArrayList<>();
    List<float[]> actual = new ArrayList<>();
    try (TensorScope scope = new TensorScope()) {
      PriorFixture fixture = new PriorFixture(PriorFixture.processorOf(golden), sub);
      new SubCase(golden, fixture, model, sub)
          .forced(
              (what, reference, logits) -> {
                expected.add(reference);
                actual.add(logits);
              });
    }
    int agreed = 0;
    for (int i = 0; i < expected.size(); i++) {
      agreed += largest(expected.get(i)) == largest(actual.get(i)) ? 1 : 0;
    }
    RelativeError.check(
        golden.name() + " " + Goldens.name(compute),
        sub + "/forced_logits, same top id in " + agreed + " of " + expected.size(),
        concat(expected),
        concat(actual),
        compute.precision() == Precision.FP8 ? 0.2 : 0.06);
  }

  private static int largest(float[] logits) {
    int best = 0;
    for (int i = 1; i < logits.length; i++) {
      best = logits[i] > logits[best] ? i : best;
    }
    return best;
  }

  private static float[] concat(List<float[]> parts) {
    float[] out = new float[parts.stream().mapToInt(p -> p.length).sum()];
    int at = 0;
    for (float[] part : parts) {
      System.arraycopy(part, 0, out, at, part.length);
      at += part.length;
    }
    return out;
  }

  /** Takes a row's logits and the reference's. */
  private interface Comparison {
    void compare(String what, float[] expected, float[] actual);
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
      forced((what, expected, actual) -> tolerance.check(golden.name(), what, expected, actual));
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
      DecodeSlots slots = model.newSlots(rows.size(), capacity);
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

    /** The logits of every forced step, a row at a time. */
    void forced(Comparison comparison) {
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
            // Step s reads the id before it.
            Tensor hidden = slots.stepForced(forcedIds.select(1, step - 1));
            if (k < steps.length && steps[k] == step) {
              Tensor logits = model.decoder().logits(hidden);
              for (int b = 0; b < batch; b++) {
                comparison.compare(
                    sub + "/forced_logits step " + step + " row " + b,
                    Ops.toFloats(forcedLogits.select(0, k).narrow(0, b, 1)),
                    Ops.toFloats(logits.narrow(0, b, 1)));
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

    private void checkGreedy() {
      int tokens = prompts.get(0).newTokens();
      Tensor expected = golden.tensor(sub + "/greedy_ids");
      try (TensorScope scope = new TensorScope();
          DecodeSlots slots = admitted(tokens)) {
        for (int step = 1; step < tokens; step++) {
          slots.step();
        }
        for (int b = 0; b < rows.size(); b++) {
          // The reference's last id is the end token's place, which is not generated here.
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
