package io.glmimage.kernel;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** {@link AdaLayerNorm} as {@code ada_layer_norm.cu}: a block normalises some rows in turn. */
final class CudaAdaLayerNorm implements AdaLayerNorm {
  private final AdaLayerNorm aten = new AtenAdaLayerNorm();
  private final KernelPrograms programs;
  private final KernelPrograms.Program program;
  private final KernelChoices choices;

  CudaAdaLayerNorm(KernelPrograms programs, KernelChoices choices) {
    this.programs = programs;
    this.program = programs.program("ada_layer_norm");
    this.choices = choices;
  }

  @Override
  public void apply(
      Tensor x, Tensor scale, Tensor shift, PackedLayout layout, double eps, Rows out) {
    KernelGuard guard =
        KernelGuard.rows(x)
            .activations(x, scale, shift)
            .result(out)
            .tensors(ScalarType.Int, layout.rowKind());
    if (!choices.fused(KernelOperation.ADA_LAYER_NORM, guard)) {
      aten.apply(x, scale, shift, layout, eps, out);
      return;
    }
    long perBlock = LaunchGeometry.rowsPerBlock(programs, x.size(0));
    program
        .launch("ada_layer_norm_" + guard.suffix(out))
        .tensor(x)
        .tensor(scale)
        .tensor(shift)
        .tensor(layout.rowKind())
        .tensor(out.values())
        .tensor(out.scales())
        .int32(x.size(0))
        .int32(x.size(1))
        .int32(perBlock)
        .float32(eps)
        .run(
            LaunchGeometry.ceilDivide(x.size(0), perBlock),
            LaunchGeometry.rowThreads(guard, x.size(1)));
  }
}
