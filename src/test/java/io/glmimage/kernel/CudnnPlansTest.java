package io.glmimage.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class CudnnPlansTest {
  private static final int LIMIT = 3;

  private final CudnnPlans.Recent<Recorded> plans = new CudnnPlans.Recent<>(LIMIT);

  /** What happened, in order. */
  private final List<String> events = new ArrayList<>();

  private final class Recorded implements CudnnPlans.Plan {
    private final long queries;

    Recorded(long queries) {
      this.queries = queries;
      events.add("make " + queries);
    }

    @Override
    public void close() {
      events.add("close " + queries);
    }
  }

  private Recorded use(long queries) {
    return plans.get(shape(queries), () -> new Recorded(queries), () -> events.add("wait"));
  }

  private static AttentionShape shape(long queries) {
    return new AttentionShape(2, queries, 5, 16);
  }

  @Test
  void aKnownShapeKeepsItsPlan() {
    Recorded first = use(1);
    use(2);
    assertSame(first, use(1));
    assertEquals(List.of("make 1", "make 2"), events);
  }

  @Test
  void thePlanThatWasNotUsedForTheLongestTimeIsClosedAfterItsKernels() {
    use(1);
    use(2);
    use(3);
    use(1);
    events.clear();
    use(4);
    assertEquals(List.of("make 4", "wait", "close 2"), events);
    events.clear();
    use(1);
    use(3);
    use(4);
    assertEquals(List.of(), events);
    use(2);
    assertEquals(List.of("make 2", "wait", "close 1"), events);
  }

  @Test
  void manyShapesLeaveNoMorePlansThanTheLimit() {
    for (int queries = 1; queries <= 1000; queries++) {
      use(queries);
    }
    long closed = events.stream().filter(event -> event.startsWith("close")).count();
    assertEquals(1000 - LIMIT, closed);
  }

  @Test
  void aPlanThatCannotBeMadeLeavesTheOthers() {
    Recorded first = use(1);
    use(2);
    use(3);
    events.clear();
    assertThrows(
        KernelException.class,
        () ->
            plans.get(
                shape(4),
                () -> {
                  throw new KernelException("Cannot plan attention");
                },
                () -> events.add("wait")));
    assertSame(first, use(1));
    assertEquals(List.of(), events);
  }

  @Test
  void aWidthThatPassesAllTrialsHasNoProblem() {
    List<AttentionShape> tried = new ArrayList<>();
    assertEquals(Optional.empty(), CudnnPlans.problem(48, tried::add));
    assertEquals(3, tried.size());
    assertTrue(tried.stream().allMatch(shape -> shape.width() == 48), tried::toString);
  }

  @Test
  void theFirstTrialThatFailsIsTheProblem() {
    List<AttentionShape> tried = new ArrayList<>();
    Optional<String> problem =
        CudnnPlans.problem(
            48,
            shape -> {
              tried.add(shape);
              throw new KernelException("Cannot plan attention of " + shape);
            });
    assertEquals(Optional.of("Cannot plan attention of " + tried.get(0)), problem);
    assertEquals(1, tried.size());
  }

  @Test
  void aMissingBindingIsAProblem() {
    assertEquals(
        Optional.of("the binding of cuDNN cannot be loaded: no jnicudnn"),
        CudnnPlans.problem(
            48,
            shape -> {
              throw new UnsatisfiedLinkError("no jnicudnn");
            }));
  }

  @Test
  void fullMemoryIsNotAProblemOfTheWidth() {
    assertThrows(
        KernelException.class,
        () ->
            CudnnPlans.problem(
                48,
                shape -> {
                  throw new KernelException("CUDA out of memory");
                }));
  }
}
