package io.glmimage.kernel;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** {@link RotaryCacheWrite} as {@code rotary_cache_write.cu}: a block takes one token. */
final class CudaRotaryCacheWrite implements RotaryCacheWrite {
  private final RotaryCacheWrite aten = new AtenRotaryCacheWrite();
  private final KernelPrograms.Program program;
  private final KernelChoices choices;

  CudaRotaryCacheWrite(KernelPrograms programs, KernelChoices choices) {
    this.program = programs.program("rotary_cache_write");
    this.choices = choices;
  }

  @Override
  public void rotateAndWrite(
      Tensor qkv, int heads, Tensor cos, Tensor sin, Tensor cells, Tensor keys, Tensor values) {
    KernelGuard guard =
        new KernelGuard(qkv)
            .activations(qkv, keys, values)
            .tensors(ScalarType.Float, cos, sin)
            .tensors(ScalarType.Long, cells);
    if (!choices.fused(KernelOperation.ROTARY_CACHE_WRITE, guard)) {
      aten.rotateAndWrite(qkv, heads, cos, sin, cells, keys, values);
      return;
    }
    long headDim = keys.size(3);
    long half = cos.size(1);
    int vector = guard.vector();
    // Elements loaded together: a vector, or one if half a head is not a whole number of vectors.
    int together = headDim % vector == 0 && half % vector == 0 ? vector : 1;
    program
        .launch("rotary_cache_write_" + guard.suffix() + "_" + together)
        .tensor(qkv)
        .tensor(cos)
        .tensor(sin)
        .tensor(cells)
        .tensor(keys)
        .tensor(values)
        .int32(heads)
        .int32(keys.size(2))
        .int32(headDim)
        .int32(half)
        .run(qkv.size(0), KernelConstants.BLOCK_THREADS);
  }
}
