package io.glmimage.kernel;

/**
 * The sizes of attention, for which cuDNN makes a plan.
 *
 * @param width of a head
 */
record AttentionShape(long heads, long queries, long keys, long width) {
  @Override
  public String toString() {
    return heads + " heads of " + width + ", " + queries + " queries, " + keys + " keys";
  }
}
