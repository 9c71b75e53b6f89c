package io.glmimage.model.dit;

import io.glmimage.tensor.OwnedTensors;
import org.bytedeco.pytorch.Tensor;

/**
 * The inputs of one branch other than the latents: text and prior, projected to the network's width
 * D once per image. S text tokens, I image tokens. Owned by the caller of {@link
 * GlmImageTransformer#prepare}.
 */
public final class DitSequence implements AutoCloseable {
  private final OwnedTensors owned = new OwnedTensors();
  private final Tensor text;
  private final Tensor prior;
  private final boolean priorDropped;

  /**
   * Takes over the tensors.
   *
   * @param text {@code [S, D]}
   * @param prior {@code [I, D]}, or {@code [1, D]} if the whole prior is dropped
   */
  DitSequence(Tensor text, Tensor prior, boolean priorDropped) {
    this.text = owned.own(text);
    this.prior = owned.own(prior);
    this.priorDropped = priorDropped;
  }

  /** S; 0 for an empty text. */
  public int textTokens() {
    return Math.toIntExact(text.size(0));
  }

  Tensor text() {
    return text;
  }

  Tensor prior() {
    return prior;
  }

  /** Whether the prior is a single row for all image tokens, which fits any image size. */
  boolean priorDropped() {
    return priorDropped;
  }

  @Override
  public void close() {
    owned.close();
  }
}
