package io.glmimage.kernel;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * {@link GatedResidualAdaLayerNorm} as {@code gated_residual_ada_layer_norm.cu}: a block takes some
 * rows in turn.
 */
final class CudaGatedResidualAdaLayerNorm implements GatedResidualAdaLayerNorm {
  private final GatedResidualAdaLayerNorm aten = new AtenGatedResidualAdaLayerNorm();
  private final KernelPrograms programs;
  private final KernelPrograms.Program program;
  private final KernelChoices choices;

  CudaGatedResidualAdaLayerNorm(KernelPrograms programs, KernelChoices choices) {
    this.programs = programs;
    this.program = programs.program("gated_residual_ada_layer_norm");
    this.choices = choices;
  }

  @Override
  public void apply(
      Tensor residual,
      Tensor branch,
      Tensor gate,
      Tensor scale,
      Tensor shift,
      PackedLayout layout,
      double eps,
      Rows out) {
    KernelGuard guard =
        KernelGuard.rows(residual)
            .activations(residual, branch, gate, scale, shift)
            .result(out)
            .tensors(ScalarType.Int, layout.rowKind());
    if (!choices.fused(KernelOperation.GATED_RESIDUAL_ADA_LAYER_NORM, guard)) {
      aten.apply(residual, branch, gate, scale, shift, layout, eps, out);
      return;
    }
    long perBlock = LaunchGeometry.rowsPerBlock(programs, residual.size(0));
    program
        .launch("gated_residual_ada_layer_norm_" + guard.suffix(out))
        .tensor(residual)
        .tensor(branch)
        .tensor(gate)
        .tensor(scale)
        .tensor(shift)
        .tensor(layout.rowKind())
        .tensor(out.values())
        .tensor(out.scales())
        .int32(residual.size(0))
        .int32(residual.size(1))
        .int32(perBlock)
        .float32(eps)
        .run(
            LaunchGeometry.ceilDivide(residual.size(0), perBlock),
            LaunchGeometry.rowThreads(guard, residual.size(1)));
  }
}
