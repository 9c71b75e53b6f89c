package io.glmimage.kernel;

import java.util.List;

/**
 * One implementation of every operation of this package. Operations are stateless and may be shared
 * by threads.
 */
public interface KernelProvider {
  /**
   * The implementation of each operation and the reason for it, sorted by operation. An operation
   * whose calls differ, in dtype for example, appears once for each reason.
   */
  List<KernelSelection> selections();

  // ---- prior decoder ----

  /** RMS norm, and the sandwich of two around a residual sum. */
  RmsNormResidual rmsNormResidual();

  /** Rotary embedding of queries and keys, and the write of keys and values into the cache. */
  RotaryCacheWrite rotaryCacheWrite();

  /** Attention of one new token a slot over the slot's own cache. */
  DecodeAttention decodeAttention();

  /** The gated activation of the MLP. */
  SiluMul siluMul();

  /** Filtering and drawing of the next token. */
  TokenSampling tokenSampling();

  // ---- diffusion transformer ----

  AdaLayerNorm adaLayerNorm();

  GatedResidualAdaLayerNorm gatedResidualAdaLayerNorm();

  QkNormRotary qkNormRotary();

  /** Attention of a whole sequence, without a mask. */
  SequenceAttention sequenceAttention();

  LinearGelu linearGelu();

  GuidedEulerStep guidedEulerStep();

  // ---- products in 8 bits ----

  QuantizeRows quantizeRows();

  Fp8Linear fp8Linear();
}
