package io.glmimage.kernel;

import org.bytedeco.pytorch.Tensor;

/** {@link SiluMul} as {@code silu_mul.cu}: a thread takes 16 bytes of some rows. */
final class CudaSiluMul implements SiluMul {
  private final SiluMul aten = new AtenSiluMul();
  private final KernelPrograms.Program program;
  private final KernelChoices choices;

  CudaSiluMul(KernelPrograms programs, KernelChoices choices) {
    this.program = programs.program("silu_mul");
    this.choices = choices;
  }

  @Override
  public Tensor siluMul(Tensor gateUp) {
    long inner = gateUp.size(1) / 2;
    KernelGuard guard = new KernelGuard(gateUp).activations(gateUp).width(inner, Integer.MAX_VALUE);
    if (!choices.fused(KernelOperation.SILU_MUL, guard)) {
      return aten.siluMul(gateUp);
    }
    long rows = gateUp.size(0);
    Tensor out = gateUp.new_empty(rows, inner);
    program
        .launch("silu_mul_" + guard.suffix())
        .tensor(gateUp)
        .tensor(out)
        .int32(rows)
        .int32(inner)
        .run(
            LaunchGeometry.blocks(inner / guard.vector()),
            Math.min(rows, LaunchGeometry.MOST_BLOCKS_Y),
            1,
            KernelConstants.BLOCK_THREADS);
    return out;
  }
}
