package io.glmimage.model.prior;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class RowLimitTest {
  private static final long GIB = 1L << 30;

  private long outside = 5 * GIB;
  private final RowLimit limit = new RowLimit(64, () -> outside);

  @Test
  void shortagesHalveItDownToOneRow() {
    for (int rows = 32; rows >= 1; rows /= 2) {
      assertTrue(limit.halve());
      assertEquals(rows, limit.rows());
    }
    assertFalse(limit.halve());
    assertEquals(1, limit.rows());
  }

  @Test
  void itIsWholeAgainWhenOthersHaveGivenBackMemory() {
    outside += 50 * GIB;
    limit.halve();
    limit.halve();
    assertFalse(limit.restore(), "they still have it");
    outside -= 50 * GIB;
    assertTrue(limit.restore());
    assertEquals(64, limit.rows());
    assertFalse(limit.restore(), "nothing is left to restore");
  }

  @Test
  void aShortageWithoutOthersStays() {
    limit.halve();
    outside -= GIB; // The driver's own memory varies.
    assertFalse(limit.restore());
    assertEquals(32, limit.rows());
  }

  @Test
  void theFullNumberIsThatOfThePlan() {
    limit.limit(16);
    limit.limit(20);
    assertEquals(16, limit.rows());
    limit.halve();
    outside -= 4 * GIB;
    assertTrue(limit.restore());
    assertEquals(16, limit.rows());
  }
}
