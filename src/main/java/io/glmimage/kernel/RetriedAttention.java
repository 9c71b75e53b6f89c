package io.glmimage.kernel;

import io.glmimage.tensor.Ops;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * Attention that survives failures of an implementation, as {@link RetriedCalls} describes. Threads
 * may share it.
 *
 * <p>cuDNN's attention failed in two of about 3,800 edits of random sizes, each with a new shape.
 */
final class RetriedAttention implements SequenceAttention {
  private final SequenceAttention first;
  private final SequenceAttention other;
  private final RetriedCalls<List<Long>> calls =
      new RetriedCalls<>(
          "attention of batch, heads, queries, keys and width", "libtorch's attention");

  /**
   * Tries {@code first}.
   *
   * @param other for shapes with which {@code first} fails twice
   */
  RetriedAttention(SequenceAttention first, SequenceAttention other) {
    this.first = first;
    this.other = other;
  }

  @Override
  public Tensor apply(Tensor query, Tensor key, Tensor value) {
    return calls.call(
        shape(query, key),
        () -> first.apply(query, key, value),
        () -> other.apply(query, key, value));
  }

  /** Batch, heads, queries, keys and width. */
  private static List<Long> shape(Tensor query, Tensor key) {
    long[] q = Ops.shape(query);
    return Arrays.asList(q[0], q[1], q[2], key.size(2), q[3]);
  }
}
