package io.glmimage.spark.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.glmimage.error.UsageException;
import org.junit.jupiter.api.Test;

class RunOptionsTest {
  @Test
  void withoutLimitsNothingStopsTheJob() {
    assertNull(new RunOptions(3, null, null).tooManyFailures(10, 10));
  }

  @Test
  void theJobStopsWhenMoreRowsFailThanAllowed() {
    RunOptions rows = new RunOptions(3, 2L, null);
    assertNull(rows.tooManyFailures(2, 10));
    assertEquals("3 rows failed, more than --max-failed-rows 2", rows.tooManyFailures(3, 10));
    RunOptions ratio = new RunOptions(3, null, 0.25);
    assertNull(ratio.tooManyFailures(2, 8));
    assertEquals(
        "3 of 8 rows failed, more than --max-failed-ratio 0.25", ratio.tooManyFailures(3, 8));
  }

  @Test
  void limitsOutOfRangeAreRefused() {
    assertThrows(UsageException.class, () -> new RunOptions(3, -1L, null));
    assertThrows(UsageException.class, () -> new RunOptions(3, null, 1.5));
    assertThrows(UsageException.class, () -> new RunOptions(3, null, Double.NaN));
    assertThrows(UsageException.class, () -> new RunOptions(0, null, null));
  }
}
