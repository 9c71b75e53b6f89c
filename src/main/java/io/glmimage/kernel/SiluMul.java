package io.glmimage.kernel;

import org.bytedeco.pytorch.Tensor;

/** The gated activation {@code silu(gate) * up}. N rows, I inner width. */
public interface SiluMul {

  /**
   * Moves 3 N I elements, which is the floor.
   *
   * @param gateUp [N, 2 I], contiguous: the gate, then the up projection
   * @return [N, I], new, contiguous
   */
  Tensor siluMul(Tensor gateUp);
}
