package io.glmimage.kernel;

import io.glmimage.tensor.DeviceFailure;
import io.glmimage.tensor.Ops;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.bytedeco.pytorch.Tensor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Attention that survives failures of an implementation. A failed call is repeated once, which
 * gives the same values. If a shape fails twice, another implementation computes it from then on,
 * so that the shape always gets the same values in a process. Threads may share it.
 *
 * <p>cuDNN's attention failed in two of about 3,800 edits of random sizes, each with a new shape.
 */
final class RetriedAttention implements SequenceAttention {
  private static final Logger LOG = LoggerFactory.getLogger(RetriedAttention.class);

  private final SequenceAttention first;
  private final SequenceAttention other;
  private final Set<List<Long>> failed = ConcurrentHashMap.newKeySet();

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
    List<Long> shape = shape(query, key);
    if (failed.contains(shape)) {
      return other.apply(query, key, value);
    }
    try {
      return first.apply(query, key, value);
    } catch (RuntimeException e) {
      rethrowIfOutOfMemory(e);
    }
    try {
      Tensor out = first.apply(query, key, value);
      LOG.info(
          "The attention of batch, heads, queries, keys and width {} failed once, and worked when it was repeated",
          shape);
      return out;
    } catch (RuntimeException e) {
      rethrowIfOutOfMemory(e);
      failed.add(shape);
      LOG.warn(
          "cuDNN's attention fails for batch, heads, queries, keys and width {}; libtorch's computes this"
              + " shape now, with other rounding: {}",
          shape,
          e.getMessage());
      return other.apply(query, key, value);
    }
  }

  /** More memory is freed by those who call. */
  private static void rethrowIfOutOfMemory(RuntimeException e) {
    if (DeviceFailure.isOutOfMemory(e)) {
      throw e;
    }
  }

  /** Batch, heads, queries, keys and width. */
  private static List<Long> shape(Tensor query, Tensor key) {
    long[] q = Ops.shape(query);
    return Arrays.asList(q[0], q[1], q[2], key.size(2), q[3]);
  }
}
