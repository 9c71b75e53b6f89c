package io.glmimage.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

/** Plans of rows that cost unequally. */
class CostPlanTest {
  private static final GpuCost H100 = GpuCost.of(GpuCost.DEFAULT);

  private static EditPlan plan(List<Double> seconds, int slots, int batch, Integer partitions) {
    CostClasses costs = new CostClasses();
    seconds.forEach(costs::add);
    return new EditPlanner(new PlanOptions(batch, partitions)).plan(costs, slots);
  }

  /** Seconds of each partition, by the rows' own seconds rather than those of their classes. */
  private static double[] loads(EditPlan plan, List<Double> seconds) {
    double[] loads = new double[plan.partitions()];
    long[] next = new long[CostClasses.COUNT];
    for (double one : seconds) {
      int costClass = plan.isByCost() ? CostClasses.of(one) : 0;
      loads[plan.partitionOf(costClass, next[costClass]++)] += one;
    }
    return loads;
  }

  private static double slowestToMean(EditPlan plan, List<Double> seconds) {
    double[] loads = loads(plan, seconds);
    return Arrays.stream(loads).max().orElseThrow() / Arrays.stream(loads).average().orElseThrow();
  }

  private static double seconds(int side, int steps, int sources) {
    double megapixels = side * side / 1e6;
    return H100.seconds(new RowWork(megapixels, sources * megapixels, steps, 0, 2));
  }

  private static List<Double> rows(int number, Supplier<Double> seconds) {
    List<Double> all = new ArrayList<>();
    for (int i = 0; i < number; i++) {
      all.add(seconds.get());
    }
    return all;
  }

  @Test
  void theSlowestPartitionOfASkewedManifestTakesAtMostATwentyPercentMoreThanTheMean() {
    Random random = new Random(7);
    List<Supplier<Double>> manifests =
        List.of(
            // Sizes: one row of fifty is large.
            () -> seconds(random.nextInt(50) == 0 ? 2048 : 512, 50, 1),
            // Steps.
            () -> seconds(1024, random.nextInt(10) == 0 ? 100 : 4, 1),
            // Sources.
            () -> seconds(1024, 50, random.nextInt(8) == 0 ? 8 : random.nextInt(2)),
            // All of them.
            () -> seconds(512 + 32 * random.nextInt(49), 4 + random.nextInt(97), random.nextInt(5)),
            // Costs over five orders of magnitude, with rows that fail at once.
            () -> random.nextInt(4) == 0 ? 0.02 : Math.exp(random.nextGaussian() * 2));
    for (Supplier<Double> manifest : manifests) {
      for (int number : new int[] {400, 3_000, 50_000}) {
        for (int slots : new int[] {2, 8, 16}) {
          List<Double> seconds = rows(number, manifest);
          EditPlan plan = plan(seconds, slots, 1 + random.nextInt(32), null);
          double most = seconds.stream().mapToDouble(s -> s).max().orElseThrow();
          double mean = seconds.stream().mapToDouble(s -> s).sum() / plan.partitions();
          double ratio = slowestToMean(plan, seconds);
          assertTrue(
              ratio <= 1.2 || (plan.partitions() == slots && most > mean),
              () -> ratio + " with " + plan + ", " + slots + " slots, row " + most);
          assertTrue(plan.partitions() >= slots && plan.partitions() <= 1024, plan.toString());
        }
      }
    }
  }

  @Test
  void aSortedManifestIsBalancedToo() {
    List<Double> seconds = new ArrayList<>(rows(900, () -> seconds(512, 20, 1)));
    seconds.addAll(rows(100, () -> seconds(2048, 50, 1)));
    EditPlan byCost = plan(seconds, 4, 4, null);
    assertTrue(slowestToMean(byCost, seconds) <= 1.2, byCost.toString());
    EditPlan byNumber = new EditPlanner(new PlanOptions(4, null)).plan(1000, 4);
    assertTrue(slowestToMean(byNumber, seconds) > 5);
  }

  @Test
  void everyRowHasOnePartitionAndThePlanIsTheSameEveryTime() {
    Random random = new Random(3);
    for (int number : new int[] {0, 1, 2, 3, 17, 500}) {
      for (Integer partitions : new Integer[] {null, 1, 3, 64}) {
        List<Double> seconds = rows(number, () -> 0.1 + 20 * random.nextDouble());
        EditPlan plan = plan(seconds, 3, 4, partitions);
        assertEquals(number, plan.rows());
        assertTrue(partitions == null || plan.partitions() <= partitions);
        double[] loads = loads(plan, seconds);
        assertEquals(seconds.stream().mapToDouble(s -> s).sum(), Arrays.stream(loads).sum(), 1e-6);
        assertTrue(number < plan.partitions() || Arrays.stream(loads).allMatch(s -> s > 0));
        assertTrue(Arrays.equals(loads, loads(plan(seconds, 3, 4, partitions), seconds)));
      }
    }
  }

  @Test
  void rowsOfAboutTheSameCostArePlannedByNumber() {
    List<Double> seconds = rows(950, () -> 11.17);
    // A few rows that fail at once change little.
    seconds.addAll(rows(50, () -> 0.0));
    EditPlan plan = plan(seconds, 8, 4, null);
    assertFalse(plan.isByCost());
    assertEquals(
        "1000 rows in 63 partitions planned by number, at most 4 of a task in memory",
        plan.toString());
  }

  @Test
  void fewUnequalRowsUseAllSlots() {
    EditPlan plan = plan(List.of(60.0, 1.0, 1.0, 1.0, 1.0, 1.0), 4, 16, null);
    assertEquals(4, plan.partitions());
    double[] loads = loads(plan, List.of(60.0, 1.0, 1.0, 1.0, 1.0, 1.0));
    Arrays.sort(loads);
    assertEquals(60, loads[3], 0);
    assertEquals(2, loads[2], 0);
  }

  @Test
  void tenMillionRowsArePlannedInSeconds() {
    CostClasses costs = new CostClasses();
    for (int i = 0; i < 10_000_000; i++) {
      costs.add(1 + i % 40);
    }
    long start = System.nanoTime();
    EditPlan plan = new EditPlanner(new PlanOptions(16, null)).plan(costs, 100);
    assertEquals(10_000_000, plan.rows());
    assertTrue(System.nanoTime() - start < 60e9);
  }
}
