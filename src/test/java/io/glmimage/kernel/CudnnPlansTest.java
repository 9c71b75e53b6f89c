package io.glmimage.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.List;
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
}
