package io.glmimage.kernel;

import io.glmimage.tensor.Ops;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * {@link LinearGelu} as one product with an epilogue in bf16, and as a product followed by {@code
 * bias_gelu.cu} in float32.
 */
final class CudaLinearGelu implements LinearGelu {
  private static final int UNROLLED_ROWS = KernelConstants.integer("GELU_ROWS");

  /** Blocks for each multiprocessor: it holds 8 at a time, four times over. */
  private static final long BLOCKS_PER_MULTIPROCESSOR = 8L * 4;

  private final LinearGelu aten = new AtenLinearGelu();
  private final LinearGelu product = new GeluProduct();
  private final KernelPrograms programs;
  private final KernelPrograms.Program program;
  private final KernelChoices choices;

  CudaLinearGelu(KernelPrograms programs, KernelChoices choices) {
    this.programs = programs;
    this.program = programs.program("bias_gelu");
    this.choices = choices;
  }

  @Override
  public Tensor apply(Tensor x, Tensor weight, Tensor bias) {
    KernelGuard guard =
        new KernelGuard(x).activations(x, weight, bias).width(weight.size(0), Integer.MAX_VALUE);
    if (!choices.fused(KernelOperation.LINEAR_GELU, guard)) {
      return aten.apply(x, weight, bias);
    }
    return guard.type() == ScalarType.BFloat16
        ? product.apply(x, weight, bias)
        : linearThenBiasGelu(x, weight, bias);
  }

  /** The product, then bias and gelu in one pass over its result. */
  Tensor linearThenBiasGelu(Tensor x, Tensor weight, Tensor bias) {
    Tensor out = Ops.linear(x, weight, null);
    biasGelu(out, bias);
    return out;
  }

  /** {@code x = gelu(x + bias)}, in place. */
  void biasGelu(Tensor x, Tensor bias) {
    KernelGuard guard = new KernelGuard(x);
    long rows = x.size(0);
    long columns = LaunchGeometry.blocks(x.size(1) / guard.vector());
    // Enough blocks to fill the GPU several times, each with some rows to go down.
    long wanted =
        LaunchGeometry.ceilDivide(BLOCKS_PER_MULTIPROCESSOR * programs.multiprocessors(), columns);
    long most =
        Math.min(LaunchGeometry.ceilDivide(rows, UNROLLED_ROWS), LaunchGeometry.MOST_BLOCKS_Y);
    program
        .launch("bias_gelu_" + guard.suffix())
        .tensor(x)
        .tensor(bias)
        .int32(rows)
        .int32(x.size(1))
        .run(columns, Math.min(wanted, most), 1, KernelConstants.BLOCK_THREADS);
  }
}
