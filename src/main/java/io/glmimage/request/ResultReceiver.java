package io.glmimage.request;

/**
 * Receives the results of one call of an engine, one by one. The engine calls it on its own thread
 * and waits for it, so implementations must be quick. They must not throw.
 */
@FunctionalInterface
public interface ResultReceiver {
  /**
   * A request has its result.
   *
   * @param index of the request in the call
   */
  void edited(int index, EditResult result);

  /**
   * Whether a request should still be edited. Engines ask this before they make its edited image; a
   * request that is no longer wanted gets no result.
   *
   * @param index of the request in the call
   */
  default boolean isWanted(int index) {
    return true;
  }

  /**
   * Whether any request without a result should still be edited. Engines ask this while they wait
   * for something.
   */
  default boolean isAnyWanted() {
    return true;
  }
}
