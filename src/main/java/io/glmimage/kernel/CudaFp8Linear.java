package io.glmimage.kernel;

import io.glmimage.error.DeviceException;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * {@link Fp8Linear} as libtorch's product of e4m3 operands. The product applies the scales of rows
 * and columns, or {@code scale_bias.cu} does so afterwards: for few rows, and where libtorch's
 * product cannot.
 *
 * <p>For few rows, cuBLASLt's products without scales are faster by more than the second kernel
 * takes. {@code DecodeStepBenchmark} printed for 64 rows on an H200, with scales in the product and
 * afterwards: 13696 to 4096 35.4 us and 19.9 us, 4096 to 4096 13.8 us and 9.8 us, 4096 to 4608 13.8
 * us and 10.6 us; no gain for 4096 to 27392.
 */
final class CudaFp8Linear implements Fp8Linear {
  /** Most rows of a product that is scaled afterwards. */
  private static final long FEW_ROWS = 128;

  /** Most outputs of a product that is scaled afterwards. */
  private static final long FEW_OUTPUTS = 8192;

  /** Major times 10 plus minor: the first compute capability with e4m3 matrix units. */
  private static final int CAPABILITY = 89;

  /** libtorch needs both widths of the product to be multiples of this. */
  private static final int ALIGNED_OPERANDS = 16;

  private final Fp8Linear aten = new AtenFp8Linear();
  private final KernelPrograms programs;
  private final KernelPrograms.Program scaleBias;
  private final KernelChoices choices;
  private Fp8Product product;

  CudaFp8Linear(KernelPrograms programs, KernelChoices choices) {
    this.programs = programs;
    this.scaleBias = programs.program("scale_bias");
    this.choices = choices;
  }

  /** Whether the GPU has matrix units for e4m3. */
  boolean supported() {
    return programs.computeCapability() >= CAPABILITY;
  }

  /**
   * Finds out how this GPU multiplies e4m3, and logs the result.
   *
   * @throws DeviceException if the GPU does not support e4m3
   */
  void prepare() {
    if (!supported()) {
      int capability = programs.computeCapability();
      throw new DeviceException(
          "Cannot compute in fp8 on cuda:"
              + programs.device()
              + ": fp8 needs compute capability 8.9 or newer, the GPU has "
              + capability / 10
              + "."
              + capability % 10
              + "; use --precision auto");
    }
    product();
  }

  @Override
  public Tensor apply(Rows x, Rows weight, Tensor bias, ScalarType type) {
    long inputs = weight.values().size(1);
    long outputs = weight.values().size(0);
    KernelGuard guard =
        new KernelGuard(x.values(), ScalarType.Float8_e4m3fn)
            .activations(x.values(), weight.values())
            .tensors(ScalarType.Float, x.scales(), weight.scales())
            .needs(type == ScalarType.BFloat16, () -> "fused gives bf16, float32 is wanted")
            .needs(
                inputs % ALIGNED_OPERANDS == 0 && outputs % ALIGNED_OPERANDS == 0,
                () ->
                    "fused needs widths that are multiples of "
                        + ALIGNED_OPERANDS
                        + ", got "
                        + inputs
                        + " and "
                        + outputs);
    if (bias != null) {
      guard.tensors(ScalarType.BFloat16, bias).aligned(bias);
    }
    if (!choices.fused(KernelOperation.FP8_LINEAR, guard)) {
      return aten.apply(x, weight, bias, type);
    }
    return product().scalesRows() && !scalesAfterwards(x.values().size(0), outputs)
        ? product().scaled(x, weight, bias)
        : scaledAfterwards(x, weight, bias);
  }

  /**
   * Whether a product is scaled afterwards although libtorch could do so. The two forms round
   * differently, so the choice must not depend on what is computed beside a row. It depends on the
   * sizes of the product alone: a decoding step multiplies a batch of fixed size ({@code
   * DecodeSlots}), and a prompt or an image is multiplied alone.
   */
  static boolean scalesAfterwards(long rows, long outputs) {
    return rows <= FEW_ROWS && outputs <= FEW_OUTPUTS;
  }

  /** The product, then its scales and the bias. */
  Tensor scaledAfterwards(Rows x, Rows weight, Tensor bias) {
    Tensor out = product().unscaled(x, weight);
    scaleAndBias(out, x.scales(), weight.scales(), bias);
    return out;
  }

  /** {@code x[t, n] = x[t, n] * rows[t] * columns[n] + bias[n]}, in place; the bias may be null. */
  void scaleAndBias(Tensor x, Tensor rows, Tensor columns, Tensor bias) {
    KernelGuard guard = new KernelGuard(x);
    scaleBias
        .launch("scale_bias_" + guard.suffix())
        .tensor(x)
        .tensor(rows)
        .tensor(columns)
        .tensor(bias)
        .int32(x.size(0))
        .int32(x.size(1))
        .run(
            LaunchGeometry.blocks(x.size(1) / guard.vector()),
            Math.min(x.size(0), LaunchGeometry.MOST_BLOCKS_Y),
            1,
            KernelConstants.BLOCK_THREADS);
  }

  /** Made while an fp8 network is loaded, or at the first product. */
  private synchronized Fp8Product product() {
    if (product == null) {
      product = new Fp8Product(programs.device());
    }
    return product;
  }
}
