package io.glmimage.kernel;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** {@link RmsNormResidual} as {@code rms_norm_residual.cu}: a block normalises one row. */
final class CudaRmsNormResidual implements RmsNormResidual {
  private final RmsNormResidual aten = new AtenRmsNormResidual();
  private final KernelPrograms.Program program;
  private final KernelChoices choices;

  CudaRmsNormResidual(KernelPrograms programs, KernelChoices choices) {
    this.program = programs.program("rms_norm_residual");
    this.choices = choices;
  }

  @Override
  public Tensor norm(Tensor x, Tensor weight, double eps) {
    KernelGuard guard = KernelGuard.rows(x).activations(x, weight);
    if (!choices.fused(KernelOperation.RMS_NORM, guard)) {
      return aten.norm(x, weight, eps);
    }
    Tensor out = torch.empty_like(x);
    launch("rms_norm_", guard, null, x, null, weight, eps, out);
    return out;
  }

  @Override
  public Tensor addThenNorm(
      Tensor residual, Tensor branch, Tensor branchWeight, Tensor nextWeight, double eps) {
    KernelGuard guard =
        KernelGuard.rows(residual).activations(residual, branch, branchWeight, nextWeight);
    if (!choices.fused(KernelOperation.RMS_NORM_RESIDUAL, guard)) {
      return aten.addThenNorm(residual, branch, branchWeight, nextWeight, eps);
    }
    Tensor out = torch.empty_like(residual);
    launch("rms_norm_residual_", guard, residual, branch, branchWeight, nextWeight, eps, out);
    return out;
  }

  private void launch(
      String entry,
      KernelGuard guard,
      Tensor residual,
      Tensor branch,
      Tensor branchWeight,
      Tensor nextWeight,
      double eps,
      Tensor out) {
    program
        .launch(entry + guard.suffix())
        .tensor(residual)
        .tensor(branch)
        .tensor(branchWeight)
        .tensor(nextWeight)
        .tensor(out)
        .int32(out.size(1))
        .float32(eps)
        .run(out.size(0), LaunchGeometry.rowThreads(guard, out.size(1)));
  }
}
