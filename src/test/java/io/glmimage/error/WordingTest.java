package io.glmimage.error;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class WordingTest {
  @Test
  void oneIsSingular() {
    assertEquals("1 row", Wording.count(1, "row"));
    assertEquals("0 rows", Wording.count(0, "row"));
    assertEquals("2 images", Wording.count(2, "image"));
  }

  @Test
  void aReasonIsBegunOnce() {
    assertEquals("Cannot edit row a: too large", Wording.rowFailure("a", "too large"));
    assertEquals(
        "Cannot edit row a: too large",
        Wording.rowFailure("a", "Cannot edit row a: Cannot edit request a: too large"));
    assertEquals(
        "Cannot edit row a: Cannot edit request b: x",
        Wording.rowFailure("a", "Cannot edit request b: x"));
  }
}
