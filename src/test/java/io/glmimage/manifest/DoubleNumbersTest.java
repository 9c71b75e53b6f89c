package io.glmimage.manifest;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DoubleNumbersTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "0",
        "-0.0",
        "0e9999",
        "1.5",
        "0.1",
        "0.30000000000000004",
        "0.10000000000000000555",
        "1e23",
        "1.7976931348623157e308",
        "4.9E-324",
        "9007199254740992",
        "9007199254740993000",
        "1.50000000000000000000"
      })
  void aNumberThatIsPrintedAgainIsKept(String number) {
    assertTrue(DoubleNumbers.keep(number));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "9007199254740993",
        "-12345678901234567890",
        "1e400",
        "-1e400",
        "1e-400",
        "1e99999999999",
        "1e999999999",
        "9007199254740.993",
        "0.1000000000000000055",
        "123456789.12345678901"
      })
  void aNumberThatChangesIsNotKept(String number) {
    assertFalse(DoubleNumbers.keep(number));
  }

  @Test
  void everyPrintedDoubleIsKept() {
    Random random = new Random(5);
    for (int i = 0; i < 20_000; i++) {
      double value = Double.longBitsToDouble(random.nextLong());
      if (Double.isFinite(value)) {
        assertTrue(DoubleNumbers.keep(Double.toString(value)), Double.toString(value));
      }
    }
  }
}
