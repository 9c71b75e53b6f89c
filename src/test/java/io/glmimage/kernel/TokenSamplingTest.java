package io.glmimage.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;

class TokenSamplingTest {
  private static final float LARGEST_BELOW_ONE = 0x1.fffffep-1f;

  private final TokenSampling sampling = new AtenKernels().tokenSampling();

  private long[] draw(float[] logits, SamplingSettings settings, float... uniforms) {
    try (TensorScope scope = new TensorScope()) {
      int rows = uniforms.length;
      float[] all = new float[rows * logits.length];
      for (int i = 0; i < rows; i++) {
        System.arraycopy(logits, 0, all, i * logits.length, logits.length);
      }
      Tensor ids = Ops.of(new long[rows], rows);
      sampling.sample(Ops.of(all, rows, logits.length), Ops.of(uniforms, rows), settings, ids);
      return Ops.toLongs(ids);
    }
  }

  private static float[] logs(double... probabilities) {
    float[] out = new float[probabilities.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = (float) Math.log(probabilities[i]);
    }
    return out;
  }

  @Test
  void takesTheFirstIdWhoseCumulativeProbabilityIsAboveTheNumber() {
    float[] logits = logs(0.25, 0.5, 0.125, 0.125);
    assertArrayEquals(
        new long[] {0, 0, 1, 1, 2, 3, 3},
        draw(
            logits,
            new SamplingSettings(1, 0, 1),
            0,
            0.24f,
            0.26f,
            0.74f,
            0.76f,
            0.88f,
            LARGEST_BELOW_ONE));
  }

  @Test
  void neverDrawsWhatTheFiltersRemove() {
    float[] logits = logs(0.1, 0.4, 0.05, 0.3, 0.15);
    float[] uniforms = new float[1001];
    for (int i = 0; i < 1000; i++) {
      uniforms[i] = i / 1000f;
    }
    uniforms[1000] = LARGEST_BELOW_ONE;
    assertArrayEquals(
        new long[] {1, 3},
        Arrays.stream(draw(logits, new SamplingSettings(1, 2, 1), uniforms)).distinct().toArray());
    assertArrayEquals(
        new long[] {1, 3, 4},
        Arrays.stream(draw(logits, new SamplingSettings(1, 0, 0.75), uniforms))
            .distinct()
            .toArray());
  }

  @Test
  void topKOfOneIsTheLowestOfTheMostLikely() {
    assertEquals(1, draw(new float[] {0, 3, 3, 1}, SamplingSettings.greedy(), 0.9f)[0]);
  }

  @Test
  void amongEqualsTheLowerIdsAreDroppedFirst() {
    float[] equal = new float[4];
    assertEquals(2, draw(equal, new SamplingSettings(1, 0, 0.5), 0)[0]);
  }

  @Test
  void invalidSettingsAreRejected() {
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> new SamplingSettings(0, 1, 1));
    assertEquals("Invalid temperature: 0.0, expected a number above 0", e.getMessage());
    assertThrows(IllegalArgumentException.class, () -> new SamplingSettings(1, -1, 1));
    assertThrows(IllegalArgumentException.class, () -> new SamplingSettings(1, 1, 0));
    assertThrows(IllegalArgumentException.class, () -> new SamplingSettings(1, 1, 1.5));
  }
}
