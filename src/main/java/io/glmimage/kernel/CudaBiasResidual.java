package io.glmimage.kernel;

import org.bytedeco.pytorch.Tensor;

/** {@link BiasResidual} as {@code bias_residual.cu}: a block takes a chunk of positions. */
final class CudaBiasResidual implements BiasResidual {
  private final BiasResidual aten = new AtenBiasResidual();
  private final KernelPrograms.Program program;
  private final KernelChoices choices;

  CudaBiasResidual(KernelPrograms programs, KernelChoices choices) {
    this.program = programs.program("bias_residual");
    this.choices = choices;
  }

  @Override
  public void add(Tensor x, Tensor bias, Tensor residual) {
    KernelGuard guard = KernelGuard.images(x, residual).activations(bias);
    if (!choices.fused(KernelOperation.BIAS_RESIDUAL, guard)) {
      aten.add(x, bias, residual);
      return;
    }
    ImageChunks chunks = ImageChunks.of(guard, x.size(0) * x.size(2) * x.size(3), x.size(1));
    program
        .launch("bias_residual_" + guard.suffix())
        .tensor(x)
        .tensor(bias)
        .tensor(residual)
        .int32(chunks.positions())
        .int32(x.size(1))
        .int32(chunks.length())
        .run(chunks.count(), KernelConstants.BLOCK_THREADS);
  }
}
