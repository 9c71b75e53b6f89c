package io.glmimage.kernel;

/**
 * The fused operations of the networks, one small interface each, so that a device can bring its
 * own kernels. Every implementation accepts empty inputs (no rows, no tokens) and then returns the
 * right empty shape without a launch.
 */
public interface KernelProvider {

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
}
