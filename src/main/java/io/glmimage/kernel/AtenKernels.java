package io.glmimage.kernel;

/**
 * Every fused operation as a composition of libtorch operations: right on any device, and the
 * reference for other providers.
 */
public final class AtenKernels implements KernelProvider {

  // ---- prior decoder ----

  @Override
  public RmsNormResidual rmsNormResidual() {
    return new AtenRmsNormResidual();
  }

  @Override
  public RotaryCacheWrite rotaryCacheWrite() {
    return new AtenRotaryCacheWrite();
  }

  @Override
  public DecodeAttention decodeAttention() {
    return new AtenDecodeAttention();
  }

  @Override
  public SiluMul siluMul() {
    return new AtenSiluMul();
  }

  @Override
  public TokenSampling tokenSampling() {
    return new AtenTokenSampling();
  }
}
