package io.glmimage.model.dit;

import io.glmimage.tensor.OwnedTensors;
import org.bytedeco.pytorch.Tensor;

/**
 * What one branch of a picture sees beside the latents: its text and its prior, projected to the
 * network's width, once a picture. Owned by whoever prepared it.
 */
public final class DitSequence implements AutoCloseable {
  private final OwnedTensors owned = new OwnedTensors();
  private final Tensor text;
  private final Tensor prior;
  private final boolean priorDropped;

  /**
   * @param text {@code [S, D]}
   * @param prior {@code [I, D]}, or {@code [1, D]} where all of it was dropped
   */
  DitSequence(Tensor text, Tensor prior, boolean priorDropped) {
    this.text = owned.own(text);
    this.prior = owned.own(prior);
    this.priorDropped = priorDropped;
  }

  /** S, zero for a text that is empty. */
  public int textTokens() {
    return Math.toIntExact(text.size(0));
  }

  Tensor text() {
    return text;
  }

  Tensor prior() {
    return prior;
  }

  /** Whether this sequence fits images of any number of tokens: its prior is one row for all. */
  boolean priorDropped() {
    return priorDropped;
  }

  @Override
  public void close() {
    owned.close();
  }
}
