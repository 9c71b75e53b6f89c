package io.glmimage.kernel;

import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * {@link GroupNorm} as {@code group_norm.cu}: sums of every channel over chunks of positions, then
 * a scale and a shift for every channel, then the result.
 */
final class CudaGroupNorm implements GroupNorm {
  private final GroupNorm aten = new AtenGroupNorm();
  private final KernelPrograms.Program program;
  private final KernelChoices choices;

  CudaGroupNorm(KernelPrograms programs, KernelChoices choices) {
    this.program = programs.program("group_norm");
    this.choices = choices;
  }

  @Override
  public Tensor norm(Tensor x, Tensor offset, Affine affine) {
    KernelGuard guard = guard(x, offset, affine);
    return choices.fused(KernelOperation.GROUP_NORM, guard)
        ? launch("group_norm_", guard, x, offset, affine)
        : aten.norm(x, offset, affine);
  }

  @Override
  public Tensor normSilu(Tensor x, Tensor offset, Affine affine) {
    KernelGuard guard = guard(x, offset, affine);
    return choices.fused(KernelOperation.GROUP_NORM_SILU, guard)
        ? launch("group_norm_silu_", guard, x, offset, affine)
        : aten.normSilu(x, offset, affine);
  }

  private static KernelGuard guard(Tensor x, Tensor offset, Affine affine) {
    KernelGuard guard = KernelGuard.images(x).activations(affine.weight(), affine.bias());
    if (offset != null) {
      guard.activations(offset);
    }
    long width = x.size(1) / affine.groups();
    return guard.needs(
        width <= KernelConstants.BLOCK_THREADS,
        () ->
            "fused needs groups of up to "
                + KernelConstants.BLOCK_THREADS
                + " channels, got "
                + width);
  }

  private Tensor launch(String entry, KernelGuard guard, Tensor x, Tensor offset, Affine affine) {
    long images = x.size(0);
    long channels = x.size(1);
    ImageChunks chunks = ImageChunks.of(guard, x.size(2) * x.size(3), channels);
    Tensor out = torch.empty_like(x);
    // Sums [B, 2, chunks, C], then scales [B, 2, C].
    long sums = images * 2 * chunks.count() * channels;
    try (Tensor work =
        x.new_empty(
            new long[] {sums + images * 2 * channels},
            x.options().dtype(new ScalarTypeOptional(ScalarType.Float)))) {
      String suffix = guard.suffix();
      arguments("group_norm_sums_" + suffix, x, offset, affine, work, sums, chunks, out)
          .run(chunks.count(), images, 1, KernelConstants.BLOCK_THREADS);
      arguments("group_norm_scales_" + suffix, x, offset, affine, work, sums, chunks, out)
          .run(affine.groups(), images, 1, KernelConstants.BLOCK_THREADS);
      arguments(entry + suffix, x, offset, affine, work, sums, chunks, out)
          .run(chunks.count(), images, 1, KernelConstants.BLOCK_THREADS);
    }
    return out;
  }

  private CudaLaunch arguments(
      String entry,
      Tensor x,
      Tensor offset,
      Affine affine,
      Tensor work,
      long sums,
      ImageChunks chunks,
      Tensor out) {
    long address = work.data_ptr().address();
    return program
        .launch(entry)
        .tensor(x)
        .tensor(out)
        .tensor(offset)
        .tensor(affine.weight())
        .tensor(affine.bias())
        .address(address)
        .address(address + sums * Float.BYTES)
        .int32(chunks.positions())
        .int32(x.size(1))
        .int32(affine.groups())
        .int32(chunks.length())
        .int32(chunks.count())
        .float32(affine.eps());
  }
}
