package io.glmimage.model.dit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class StepPlanTest {
  /** Ten steps at equal distances; the total change is 1.125. */
  private static double[] even() {
    double[] changes = new double[10];
    Arrays.fill(changes, 1, 10, 0.125);
    return changes;
  }

  @Test
  void aThresholdOfZeroComputesEveryStep() {
    assertEquals(0, StepPlan.of(even(), 0).reusedSteps());
    assertEquals(0, StepPlan.everyStep(10).reusedSteps());
    assertEquals(10, StepPlan.everyStep(10).steps());
  }

  @Test
  void theFirstAndTheLastStepAreAlwaysComputed() {
    StepPlan plan = StepPlan.of(even(), 1);
    assertFalse(plan.reuses(0));
    assertFalse(plan.reuses(9));
    assertEquals(8, plan.reusedSteps());
    for (int steps = 0; steps <= 2; steps++) {
      assertEquals(0, StepPlan.of(new double[steps], 1).reusedSteps());
    }
  }

  @Test
  void stepsReuseUntilTheSumReachesTheThreshold() {
    assertEquals("##########", text(StepPlan.of(even(), 0.1)));
    assertEquals("#.#.#.#.##", text(StepPlan.of(even(), 0.2)));
    assertEquals("#..#..#..#", text(StepPlan.of(even(), 0.3)));
    double[] uneven = {9, 0.1, 0.1, 0.5, 0.1, 0.4, 0.1, 0.1, 0.1, 0.1}; // 1.6 in total
    assertEquals("#..#.#...#", text(StepPlan.of(uneven, 0.28)));
  }

  @Test
  void aHigherThresholdNeverReusesFewer() {
    double[] changes = new double[50];
    for (int i = 1; i < 50; i++) {
      changes[i] = 0.01 + 0.0005 * i;
    }
    int before = 0;
    for (double threshold = 0; threshold <= 1; threshold += 0.01) {
      int reused = StepPlan.of(changes, threshold).reusedSteps();
      assertTrue(reused >= before, threshold + ": " + reused + " after " + before);
      before = reused;
    }
    assertEquals(48, StepPlan.of(changes, 1).reusedSteps());
  }

  @Test
  void aStepKnowsWhichBlocksItReuses() {
    StepPlan plan = StepPlan.of(even(), 0.3); // #..#..#..#
    assertEquals(0, plan.computedStep(0));
    assertEquals(0, plan.computedStep(2));
    assertEquals(3, plan.computedStep(3));
    assertEquals(6, plan.computedStep(8));
    assertTrue(plan.isReused(0));
    assertTrue(plan.isReused(1));
    assertFalse(plan.isReused(2));
    assertFalse(plan.isReused(9));
  }

  private static String text(StepPlan plan) {
    StringBuilder marks = new StringBuilder();
    for (int i = 0; i < plan.steps(); i++) {
      marks.append(plan.reuses(i) ? '.' : '#');
    }
    return marks.toString();
  }
}
