package io.glmimage.model.dit;

import java.util.List;

/**
 * The branches of a denoising step and how their predictions are combined: {@code unconditional +
 * scale * (conditional - unconditional)}. At a scale of at most 1 only the conditional branch runs.
 *
 * @param scale the guidance scale
 * @param conditional the branch that sees prompt, prior and sources
 * @param unconditional may be null if the scale is at most 1
 */
public record Guidance(double scale, DitSequence conditional, DitSequence unconditional) {
  public Guidance {
    if (scale > 1 && unconditional == null) {
      throw new IllegalArgumentException(
          "Cannot denoise with guidance " + scale + " without an unconditional sequence");
    }
  }

  /** A single branch without guidance. */
  public static Guidance none(DitSequence conditional) {
    return new Guidance(1, conditional, null);
  }

  /** The branches that run, conditional first. */
  List<DitSequence> sequences() {
    return scale > 1 ? List.of(conditional, unconditional) : List.of(conditional);
  }
}
