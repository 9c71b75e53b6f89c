package io.glmimage.spark.run;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Map;
import org.junit.jupiter.api.Test;

class RowNumbersTest {
  private static long id(long partition, long position) {
    return partition << 33 | position;
  }

  @Test
  void rowsAreNumberedWithoutGapsAcrossEmptyPartitions() {
    RowNumbers numbers = new RowNumbers(Map.of(0, 3L, 2, 5_000_000_000L, 3, 1L));
    assertEquals(0, numbers.of(id(0, 0)));
    assertEquals(2, numbers.of(id(0, 2)));
    assertEquals(3, numbers.of(id(2, 0)));
    assertEquals(5_000_000_002L, numbers.of(id(2, 4_999_999_999L)));
    assertEquals(5_000_000_003L, numbers.of(id(3, 0)));
  }
}
