package io.glmimage.kernel;

import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * {@link QuantizeRows} as {@code quantize_rows.cu}: a block quantizes one row. The operation before
 * the rounding is part of the entry's name.
 */
final class CudaQuantizeRows implements QuantizeRows {
  private final QuantizeRows aten = new AtenQuantizeRows();
  private final KernelPrograms.Program program;
  private final KernelChoices choices;

  CudaQuantizeRows(KernelPrograms programs, KernelChoices choices) {
    this.program = programs.program("quantize_rows");
    this.choices = choices;
  }

  @Override
  public Rows quantize(Tensor x) {
    KernelGuard guard = KernelGuard.rows(x).activations(x);
    return choices.fused(KernelOperation.QUANTIZE_ROWS, guard)
        ? launch("quantize_rows_", guard, x, x.size(1))
        : aten.quantize(x);
  }

  @Override
  public Rows gelu(Tensor x) {
    KernelGuard guard = KernelGuard.rows(x).activations(x);
    return choices.fused(KernelOperation.GELU_QUANTIZE_ROWS, guard)
        ? launch("gelu_quantize_rows_", guard, x, x.size(1))
        : aten.gelu(x);
  }

  @Override
  public Rows siluMul(Tensor gateUp) {
    long inner = gateUp.size(1) / 2;
    KernelGuard guard = KernelGuard.rows(gateUp, inner).activations(gateUp);
    return choices.fused(KernelOperation.SILU_MUL_QUANTIZE_ROWS, guard)
        ? launch("silu_mul_quantize_rows_", guard, gateUp, inner)
        : aten.siluMul(gateUp);
  }

  private Rows launch(String entry, KernelGuard guard, Tensor x, long width) {
    Rows out =
        new Rows(
            x.new_empty(new long[] {x.size(0), width}, options(x, ScalarType.Float8_e4m3fn)),
            x.new_empty(new long[] {x.size(0), 1}, options(x, ScalarType.Float)));
    program
        .launch(entry + guard.suffix())
        .tensor(x)
        .tensor(out.values())
        .tensor(out.scales())
        .int32(width)
        .run(x.size(0), LaunchGeometry.rowThreads(guard, width));
    return out;
  }

  private static TensorOptions options(Tensor x, ScalarType type) {
    return x.options().dtype(new ScalarTypeOptional(type));
  }
}
