package io.glmimage.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import io.glmimage.golden.GoldenCase;
import io.glmimage.golden.Goldens;
import io.glmimage.golden.Tolerance;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@Tag("parity")
class TokenSamplingParityTest {
  private static final Tolerance PROBABILITIES = new Tolerance(1e-6, 1e-5);

  static List<GoldenCase> distributions() {
    return Goldens.cases("04_sampling");
  }

  static List<GoldenCase> firstTokens() {
    return Goldens.cases("04_autoregressive");
  }

  private static SamplingSettings settings(JsonNode json) {
    return new SamplingSettings(
        json.path("temperature").asDouble(1),
        json.path("top_k").asInt(0),
        json.path("top_p").asDouble(1));
  }

  @ParameterizedTest
  @MethodSource("distributions")
  void givesTheReferencesDistributions(GoldenCase golden) {
    for (Map.Entry<String, JsonNode> entry : golden.json().get("settings").properties()) {
      try (TensorScope scope = new TensorScope()) {
        // Always on the CPU, because rows of equal logits are exactly at the limit of top_p.
        Tensor logits = Ops.to(golden.tensor("logits"), Compute.cpu());
        float[] actual =
            Ops.toFloats(AtenTokenSampling.probabilities(logits, settings(entry.getValue())));
        float[] expected = golden.floats(entry.getKey() + "/probs");
        int width = (int) logits.size(1);
        for (int row = 0; row < logits.size(0); row++) {
          checkRow(
              golden.name(),
              entry.getKey() + " row " + row,
              Ops.toFloats(logits.select(0, row)),
              Arrays.copyOfRange(expected, row * width, (row + 1) * width),
              Arrays.copyOfRange(actual, row * width, (row + 1) * width));
        }
      }
    }
  }

  /**
   * In rows with equal logits, other ids of the equal ones may be kept; only the sorted values
   * count.
   */
  private static void checkRow(
      String name, String what, float[] logits, float[] expected, float[] actual) {
    assertEquals(kept(expected), kept(actual), name + " " + what + ": ids kept");
    List<Float> distinct = new ArrayList<>();
    for (float logit : logits) {
      distinct.add(logit);
    }
    if (distinct.stream().distinct().count() < logits.length) {
      Arrays.sort(expected);
      Arrays.sort(actual);
    }
    PROBABILITIES.check(name, what, expected, actual);
  }

  private static int kept(float[] probabilities) {
    int count = 0;
    for (float p : probabilities) {
      count += p > 0 ? 1 : 0;
    }
    return count;
  }

  @ParameterizedTest
  @MethodSource("firstTokens")
  void givesTheReferencesFirstTokenDistribution(GoldenCase golden) {
    SamplingSettings settings = settings(golden.json().get("effective_sampling"));
    for (String sub : golden.subCases()) {
      try (TensorScope scope = new TensorScope()) {
        PROBABILITIES.check(
            golden,
            sub + "/prefill_sampling_probs",
            AtenTokenSampling.probabilities(golden.tensor(sub + "/prefill_logits"), settings));
      }
    }
  }
}
