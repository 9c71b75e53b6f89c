package io.glmimage.kernel;

import java.util.List;
import org.bytedeco.pytorch.global.torch.ScalarType;

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

  /** RMS norm, alone and around a residual sum. */
  RmsNormResidual rmsNormResidual();

  /** Rotates queries and keys, and writes keys and values to the cache. */
  RotaryCacheWrite rotaryCacheWrite();

  /** Attention of one new token per slot over the slot's own cache. */
  DecodeAttention decodeAttention();

  /** The gated activation of the MLP. */
  SiluMul siluMul();

  /** Draws the next token of every row. */
  TokenSampling tokenSampling();

  // ---- diffusion transformer ----

  /** Layer norm, scaled and shifted by the time embedding. */
  AdaLayerNorm adaLayerNorm();

  /** A gated residual sum, then {@link #adaLayerNorm}. */
  GatedResidualAdaLayerNorm gatedResidualAdaLayerNorm();

  /** Norm and rotary embedding of queries and keys. */
  QkNormRotary qkNormRotary();

  /** Attention of a whole sequence, without a mask. */
  SequenceAttention sequenceAttention();

  /** A linear layer with gelu. */
  LinearGelu linearGelu();

  /** Classifier-free guidance and the step of the scheduler. */
  GuidedEulerStep guidedEulerStep();

  // ---- image autoencoder ----

  /**
   * Whether a network of images is faster with its channels last in memory, given the operations
   * below.
   *
   * @param type of the activations
   * @param channels numbers of channels that the activations have
   */
  boolean prefersChannelsLast(ScalarType type, int... channels);

  /** Group norm, alone and followed by silu. */
  GroupNorm groupNorm();

  /** The sum that ends a residual block. */
  BiasResidual biasResidual();

  /** Doubles the sides of images. */
  UpsampleNearest upsampleNearest();

  // ---- fp8 products ----

  /** Rounds rows to e4m3, alone and after an activation. */
  QuantizeRows quantizeRows();

  /** A linear layer with e4m3 operands. */
  Fp8Linear fp8Linear();

  /** Attention of e4m3 operands. */
  Fp8Attention fp8Attention();
}
