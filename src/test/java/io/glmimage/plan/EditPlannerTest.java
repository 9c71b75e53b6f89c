package io.glmimage.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.UsageException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class EditPlannerTest {
  private static EditPlan plan(long rows, int slots, int batch, Integer partitions) {
    return new EditPlanner(new PlanOptions(batch, partitions)).plan(rows, slots);
  }

  @ParameterizedTest
  @CsvSource({
    "0, 4, 4, 1, 1",
    "1, 4, 4, 1, 1",
    "10, 2, 4, 2, 5",
    "10, 2, 1, 3, 4",
    "1000, 8, 4, 63, 16",
    "30000, 8, 4, 509, 59",
    "100000, 8, 4, 511, 196",
    "10000000, 8, 4, 512, 19532",
    "10000000, 100, 4, 6398, 1563",
    "100000000, 8, 4, 5000, 20000",
    "10000000, 1000, 4, 20000, 500",
    // Four GPUs with four tasks each, and the default: no GPU is idle, few rows or many.
    "40, 16, 8, 14, 3",
    "128, 16, 8, 16, 8",
    "10000, 16, 8, 313, 32"
  })
  void givesEverySlotRowsAndKeepsPartitionsSmall(
      long rows, int slots, int batch, int partitions, long perPartition) {
    EditPlan plan = plan(rows, slots, batch, null);
    assertEquals(partitions, plan.partitions());
    long first = 0;
    while (first < rows && plan.partitionOf(0, first) == 0) {
      first++;
    }
    assertEquals(Math.min(rows, perPartition), first);
  }

  @Test
  void everyRowHasOnePartition() {
    for (int rows = 0; rows < 200; rows++) {
      for (Integer partitions : new Integer[] {null, 1, 3, 7, 500}) {
        EditPlan plan = plan(rows, 3, 4, partitions);
        int last = 0;
        for (int row = 0; row < rows; row++) {
          int partition = plan.partitionOf(0, row);
          assertTrue(partition == last || partition == last + 1);
          assertTrue(partition < plan.partitions());
          last = partition;
        }
        assertTrue(partitions == null || plan.partitions() <= partitions);
      }
    }
  }

  @Test
  void refusesWhatCannotBePlanned() {
    assertThrows(UsageException.class, () -> new PlanOptions(0, null));
    assertThrows(UsageException.class, () -> new PlanOptions(257, null));
    assertThrows(UsageException.class, () -> new PlanOptions(1, 0));
  }
}
