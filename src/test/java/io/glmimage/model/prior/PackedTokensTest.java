package io.glmimage.model.prior;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;

/** Where the tokens of sequences lie, and what a product or an attention sees of them. */
class PackedTokensTest {
  @Test
  void sequencesFollowEachOtherAndPaddingFillsTheLastChunk() {
    PackedTokens packed = new PackedTokens(new int[] {3, 5, 2}, 4);
    assertEquals(10, packed.tokens());
    assertEquals(12, packed.rows());
    assertEquals(List.of(0, 3, 8), List.of(packed.offset(0), packed.offset(1), packed.offset(2)));
    assertArrayEquals(new int[] {2, 7, 9}, packed.lastTokens());
    PackedTokens full = new PackedTokens(new int[] {3, 5}, 4);
    assertEquals(8, full.rows());
  }

  @Test
  void withoutAChunkThereIsNoPadding() {
    PackedTokens packed = new PackedTokens(new int[] {7}, 0);
    assertEquals(7, packed.rows());
    assertEquals(7, packed.tokens());
  }

  @Test
  void everyChunkHasTheSameSizeAndEverySequenceIsSeenAlone() {
    try (TensorScope scope = new TensorScope()) {
      PackedTokens packed = new PackedTokens(new int[] {3, 5, 2}, 4);
      float[] values = new float[12];
      for (int i = 0; i < values.length; i++) {
        values[i] = i;
      }
      Tensor x = Ops.of(values, 12, 1);
      List<Long> chunks = new ArrayList<>();
      Tensor doubled =
          packed.byChunk(
              x,
              part -> {
                chunks.add(part.size(0));
                return part.mul(new Scalar(2f));
              });
      assertEquals(List.of(4L, 4L, 4L), chunks);
      for (int i = 0; i < values.length; i++) {
        assertEquals(2f * i, Ops.toFloats(doubled)[i]);
      }
      List<Float> firsts = new ArrayList<>();
      Tensor shifted =
          packed.bySequence(
              x,
              part -> {
                float first = Ops.toFloats(part)[0];
                firsts.add(first);
                return part.sub(new Scalar(first));
              });
      assertEquals(List.of(0f, 3f, 8f), firsts);
      float[] tokens = Ops.toFloats(shifted.narrow(0, 0, packed.tokens()));
      assertArrayEquals(new float[] {0, 1, 2, 0, 1, 2, 3, 4, 0, 1}, tokens);
    }
  }

  @Test
  void aPassHoldsAtMostEightChunksUnlessOneSequenceIsLonger() {
    assertEquals(
        List.of(List.of(50, 30), List.of(1, 79), List.of(100), List.of(2)),
        passes(List.of(50, 30, 1, 79, 100, 2), 10, 9));
  }

  @Test
  void aPassHoldsAtMostTheGivenNumberOfSequences() {
    assertEquals(
        List.of(List.of(1, 1), List.of(1, 1), List.of(1)), passes(List.of(1, 1, 1, 1, 1), 10, 2));
    assertEquals(List.of(), passes(List.of(), 10, 2));
  }

  @Test
  void withoutAChunkEverySequenceHasItsPass() {
    assertEquals(List.of(List.of(3), List.of(4)), passes(List.of(3, 4), 0, 9));
  }

  private static List<List<Integer>> passes(List<Integer> lengths, int chunk, int most) {
    return PackedTokens.passes(lengths, Integer::intValue, chunk, most);
  }
}
