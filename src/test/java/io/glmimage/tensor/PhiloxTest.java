package io.glmimage.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class PhiloxTest {
  /** Known answers of philox4x32 10 in Random123's kat_vectors. */
  @Test
  void givesThePublishedKnownAnswers() {
    assertArrayEquals(
        new int[] {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
        Philox.rounds(0, 0, 0, 0, 0, 0));
    assertArrayEquals(
        new int[] {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
        Philox.rounds(-1, -1, -1, -1, -1, -1));
    assertArrayEquals(
        new int[] {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
        Philox.rounds(0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0));
  }

  @Test
  void normalsHaveMeanZeroAndVarianceOne() {
    float[] x = new Philox(7, 1).normals(100_001);
    double mean = 0;
    double square = 0;
    for (float v : x) {
      assertTrue(Float.isFinite(v));
      mean += v / (double) x.length;
      square += v * (double) v / x.length;
    }
    assertEquals(0, mean, 0.02);
    assertEquals(1, square, 0.02);
  }

  @Test
  void aPrefixIsTheSameWhateverTheCount() {
    assertArrayEquals(new Philox(7, 1).normals(5), Arrays.copyOf(new Philox(7, 1).normals(101), 5));
  }

  @Test
  void seedsAndStreamsAreIndependent() {
    assertTrue(new Philox(1, 0).uniform(0) != new Philox(2, 0).uniform(0));
    assertTrue(new Philox(1, 0).uniform(0) != new Philox(1, 1).uniform(0));
    assertTrue(new Philox(1L << 40, 0).uniform(0) != new Philox(0, 0).uniform(0));
  }
}
