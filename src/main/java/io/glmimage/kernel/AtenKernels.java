package io.glmimage.kernel;

import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Every operation as a composition of libtorch's own, on any device and in any floating dtype. The
 * CUDA kernels are tested against these and fall back to them.
 */
public final class AtenKernels implements KernelProvider {
  private final String reason;

  public AtenKernels() {
    this("libtorch's operations were requested");
  }

  /**
   * @param reason why these are used, for the log and the report
   */
  AtenKernels(String reason) {
    this.reason = reason;
  }

  @Override
  public List<KernelSelection> selections() {
    return Arrays.stream(KernelOperation.values())
        .map(operation -> new KernelSelection(operation.toString(), false, reason))
        .sorted()
        .toList();
  }

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

  // ---- diffusion transformer ----

  @Override
  public AdaLayerNorm adaLayerNorm() {
    return new AtenAdaLayerNorm();
  }

  @Override
  public GatedResidualAdaLayerNorm gatedResidualAdaLayerNorm() {
    return new AtenGatedResidualAdaLayerNorm();
  }

  @Override
  public QkNormRotary qkNormRotary() {
    return new AtenQkNormRotary();
  }

  @Override
  public SequenceAttention sequenceAttention() {
    return new AtenSequenceAttention();
  }

  @Override
  public LinearGelu linearGelu() {
    return new AtenLinearGelu();
  }

  @Override
  public GuidedEulerStep guidedEulerStep() {
    return new AtenGuidedEulerStep();
  }

  // ---- image autoencoder ----

  /** Never: libtorch's group norm is slow if the channels are last. */
  @Override
  public boolean prefersChannelsLast(ScalarType type, int... channels) {
    return false;
  }

  @Override
  public GroupNorm groupNorm() {
    return new AtenGroupNorm();
  }

  @Override
  public BiasResidual biasResidual() {
    return new AtenBiasResidual();
  }

  @Override
  public UpsampleNearest upsampleNearest() {
    return new AtenUpsampleNearest();
  }

  // ---- fp8 products ----

  @Override
  public QuantizeRows quantizeRows() {
    return new AtenQuantizeRows();
  }

  @Override
  public Fp8Linear fp8Linear() {
    return new AtenFp8Linear();
  }

  @Override
  public Fp8Attention fp8Attention() {
    return new AtenFp8Attention(new AtenSequenceAttention());
  }
}
