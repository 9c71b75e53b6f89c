package io.glmimage.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

class PrecisionTest {
  @Test
  void namesAreParsedAsTheyAreWritten() {
    for (Precision precision : Precision.values()) {
      assertEquals(precision, Precision.parse(precision.toString()));
    }
    assertEquals(Precision.FP8, Precision.parse("fp8"));
    assertEquals(
        "Invalid precision: FP8, expected auto or fp8 or prior-int8",
        assertThrows(IllegalArgumentException.class, () -> Precision.parse("FP8")).getMessage());
  }

  @Test
  void aComputeHasNoPrecisionOfItsOwnUnlessAskedFor() {
    assertEquals(Precision.AUTO, Compute.cpu().precision());
    Compute fp8 = Compute.cpu().withPrecision(Precision.FP8);
    assertEquals(Precision.FP8, fp8.precision());
    assertEquals(Compute.cpu(), fp8.withPrecision(Precision.AUTO));
  }
}
