package io.glmimage.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class RetriedAttentionTest {
  private final TensorScope scope = new TensorScope();
  private final Tensor queries = Ops.empty(Compute.cpu(), 1, 2, 3, 8);
  private final Tensor keys = Ops.empty(Compute.cpu(), 1, 2, 5, 8);
  private final Tensor ofFirst = Ops.empty(Compute.cpu(), 1);
  private final Tensor ofOther = Ops.empty(Compute.cpu(), 1);
  private final Deque<RuntimeException> failures = new ArrayDeque<>();
  private final List<Long> firstCalls = new ArrayList<>();

  private final RetriedAttention attention =
      new RetriedAttention(
          (q, k, v) -> {
            firstCalls.add(k.size(2));
            if (!failures.isEmpty()) {
              throw failures.remove();
            }
            return ofFirst;
          },
          (q, k, v) -> ofOther);

  @AfterEach
  void close() {
    scope.close();
  }

  @Test
  void aCallThatFailsOnceIsRepeated() {
    failures.add(new IllegalStateException("mha_graph.execute"));

    assertSame(ofFirst, attention.apply(queries, keys, keys));
    assertEquals(List.of(5L, 5L), firstCalls);
  }

  @Test
  void aShapeThatFailsTwiceIsComputedByTheOtherImplementationFromThenOn() {
    failures.add(new IllegalStateException("mha_graph.execute"));
    failures.add(new IllegalStateException("mha_graph.execute"));

    assertSame(ofOther, attention.apply(queries, keys, keys));
    assertSame(ofOther, attention.apply(queries, keys, keys));
    assertEquals(List.of(5L, 5L), firstCalls);
    assertSame(ofFirst, attention.apply(queries, queries, queries));
  }

  @Test
  void aShortageOfMemoryIsLeftToTheCaller() {
    RuntimeException shortage = new RuntimeException("CUDA out of memory. Tried to allocate 1 GiB");
    failures.add(shortage);

    assertSame(
        shortage, assertThrows(RuntimeException.class, () -> attention.apply(queries, keys, keys)));
    assertSame(ofFirst, attention.apply(queries, keys, keys));
  }
}
