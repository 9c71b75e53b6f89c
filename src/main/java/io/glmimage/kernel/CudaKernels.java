package io.glmimage.kernel;

import io.glmimage.tensor.Libtorch;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Every operation as a CUDA kernel for the calls that the kernel supports, and as libtorch's
 * operations for the others. Each call is checked for emptiness, dtype, contiguity, widths,
 * alignment and device. Each choice is logged once with its reason.
 *
 * <p>Safe for several threads. Once the programs are loaded, no operation waits for the GPU or
 * allocates outside libtorch's allocator, so CUDA graphs can capture all of them.
 */
final class CudaKernels implements KernelProvider {
  private final KernelPrograms programs;
  private final KernelChoices choices;
  private final CudaRmsNormResidual rmsNormResidual;
  private final CudaRotaryCacheWrite rotaryCacheWrite;
  private final CudaDecodeAttention decodeAttention;
  private final CudaSiluMul siluMul;
  private final CudaTokenSampling tokenSampling;
  private final CudaAdaLayerNorm adaLayerNorm;
  private final CudaGatedResidualAdaLayerNorm gatedResidualAdaLayerNorm;
  private final CudaQkNormRotary qkNormRotary;
  private final CudaSequenceAttention sequenceAttention;
  private final CudaLinearGelu linearGelu;
  private final CudaGuidedEulerStep guidedEulerStep;
  private final CudaGroupNorm groupNorm;
  private final CudaBiasResidual biasResidual;
  private final CudaUpsampleNearest upsampleNearest;
  private final CudaQuantizeRows quantizeRows;
  private final CudaFp8Linear fp8Linear;
  private final CudaFp8Attention fp8Attention;

  /**
   * Starts compiling every kernel in the background.
   *
   * @param mode AUTO or FUSED
   * @param device the GPU's index
   * @param cacheFolder keeps compiled kernels between runs
   * @throws CudaUnavailableException if CUDA kernels cannot be used here; says why
   */
  CudaKernels(KernelMode mode, int device, Path cacheFolder) {
    this(new KernelChoices(mode), new CudaPrograms(device, cacheFolder));
  }

  CudaKernels(KernelChoices choices, KernelPrograms programs) {
    this.choices = choices;
    this.programs = programs;
    Libtorch.load();
    rmsNormResidual = new CudaRmsNormResidual(programs, choices);
    rotaryCacheWrite = new CudaRotaryCacheWrite(programs, choices);
    decodeAttention = new CudaDecodeAttention(programs, choices);
    siluMul = new CudaSiluMul(programs, choices);
    tokenSampling = new CudaTokenSampling(programs, choices);
    adaLayerNorm = new CudaAdaLayerNorm(programs, choices);
    gatedResidualAdaLayerNorm = new CudaGatedResidualAdaLayerNorm(programs, choices);
    qkNormRotary = new CudaQkNormRotary(programs, choices);
    sequenceAttention = new CudaSequenceAttention(programs, choices);
    linearGelu = new CudaLinearGelu(programs, choices);
    guidedEulerStep = new CudaGuidedEulerStep(programs, choices);
    groupNorm = new CudaGroupNorm(programs, choices);
    biasResidual = new CudaBiasResidual(programs, choices);
    upsampleNearest = new CudaUpsampleNearest(programs, choices);
    quantizeRows = new CudaQuantizeRows(programs, choices);
    fp8Linear = new CudaFp8Linear(programs, choices);
    fp8Attention = new CudaFp8Attention(programs, choices, sequenceAttention);
  }

  /**
   * Waits until every kernel is compiled and loaded.
   *
   * @throws KernelException if a kernel does not compile or the driver refuses it
   */
  void prepare() {
    programs.await();
  }

  @Override
  public List<KernelSelection> selections() {
    return choices.made();
  }

  // ---- prior decoder ----

  @Override
  public CudaRmsNormResidual rmsNormResidual() {
    return rmsNormResidual;
  }

  @Override
  public CudaRotaryCacheWrite rotaryCacheWrite() {
    return rotaryCacheWrite;
  }

  @Override
  public CudaDecodeAttention decodeAttention() {
    return decodeAttention;
  }

  @Override
  public CudaSiluMul siluMul() {
    return siluMul;
  }

  @Override
  public CudaTokenSampling tokenSampling() {
    return tokenSampling;
  }

  // ---- diffusion transformer ----

  @Override
  public CudaAdaLayerNorm adaLayerNorm() {
    return adaLayerNorm;
  }

  @Override
  public CudaGatedResidualAdaLayerNorm gatedResidualAdaLayerNorm() {
    return gatedResidualAdaLayerNorm;
  }

  @Override
  public CudaQkNormRotary qkNormRotary() {
    return qkNormRotary;
  }

  @Override
  public CudaSequenceAttention sequenceAttention() {
    return sequenceAttention;
  }

  @Override
  public CudaLinearGelu linearGelu() {
    return linearGelu;
  }

  @Override
  public CudaGuidedEulerStep guidedEulerStep() {
    return guidedEulerStep;
  }

  // ---- image autoencoder ----

  /**
   * In bfloat16, in which the fast convolutions of cuDNN want the channels last, if the operations
   * take all the numbers of channels.
   */
  @Override
  public boolean prefersChannelsLast(ScalarType type, int... channels) {
    return type == ScalarType.BFloat16
        && Arrays.stream(channels)
            .allMatch(c -> c % 8 == 0 && c <= 8 * KernelConstants.BLOCK_THREADS);
  }

  @Override
  public CudaGroupNorm groupNorm() {
    return groupNorm;
  }

  @Override
  public CudaBiasResidual biasResidual() {
    return biasResidual;
  }

  @Override
  public CudaUpsampleNearest upsampleNearest() {
    return upsampleNearest;
  }

  // ---- fp8 products ----

  @Override
  public CudaQuantizeRows quantizeRows() {
    return quantizeRows;
  }

  @Override
  public CudaFp8Linear fp8Linear() {
    return fp8Linear;
  }

  @Override
  public CudaFp8Attention fp8Attention() {
    return fp8Attention;
  }
}
