package io.glmimage.kernel;

import io.glmimage.tensor.DeviceFailure;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Calls that survive failures of an implementation. A failed call is repeated once, which gives the
 * same values. If a shape fails twice, another implementation computes it from then on, so that the
 * shape always gets the same values in a process. Threads may share it.
 *
 * @param <S> a shape
 */
final class RetriedCalls<S> {
  private static final Logger LOG = LoggerFactory.getLogger(RetriedCalls.class);

  private final String operation;
  private final String replacement;
  private final Set<S> failed = ConcurrentHashMap.newKeySet();

  /**
   * @param operation what fails, for messages in which the shape follows
   * @param replacement what computes it then, for messages
   */
  RetriedCalls(String operation, String replacement) {
    this.operation = operation;
    this.replacement = replacement;
  }

  /**
   * The result of {@code first}.
   *
   * @param other for shapes with which {@code first} has failed twice
   */
  <T> T call(S shape, Supplier<T> first, Supplier<T> other) {
    if (failed.contains(shape)) {
      return other.get();
    }
    try {
      return first.get();
    } catch (RuntimeException e) {
      rethrowIfOutOfMemory(e);
    }
    try {
      T out = first.get();
      LOG.info("The {} {} failed once, and worked when it was repeated", operation, shape);
      return out;
    } catch (RuntimeException e) {
      rethrowIfOutOfMemory(e);
      failed.add(shape);
      LOG.warn(
          "cuDNN fails for the {} {}; {} computes this shape now, with other rounding: {}",
          operation,
          shape,
          replacement,
          e.getMessage());
      return other.get();
    }
  }

  /** Whether {@code shape} has failed twice, so that the replacement computes it. */
  boolean failed(S shape) {
    return failed.contains(shape);
  }

  /** More memory is freed by those who call. */
  private static void rethrowIfOutOfMemory(RuntimeException e) {
    if (DeviceFailure.isOutOfMemory(e)) {
      throw e;
    }
  }
}
