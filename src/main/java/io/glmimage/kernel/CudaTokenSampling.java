package io.glmimage.kernel;

import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * {@link TokenSampling} as {@code token_sampling.cu}: a block holds one row in registers. The
 * kernel comes in three sizes, by the ids that a thread holds.
 */
final class CudaTokenSampling implements TokenSampling {
  private static final int THREADS = KernelConstants.integer("SAMPLING_THREADS");
  private static final int LARGEST = KernelConstants.integer("SAMPLING_ITEMS_LARGE");

  /** Ids that a thread holds, ascending. */
  private static final int[] ITEMS = {
    KernelConstants.integer("SAMPLING_ITEMS_SMALL"),
    KernelConstants.integer("SAMPLING_ITEMS_MEDIUM"),
    LARGEST
  };

  private final TokenSampling aten = new AtenTokenSampling();
  private final KernelPrograms.Program program;
  private final KernelChoices choices;

  CudaTokenSampling(KernelPrograms programs, KernelChoices choices) {
    this.program = programs.program("token_sampling");
    this.choices = choices;
  }

  @Override
  public void sample(Tensor logits, Tensor uniforms, SamplingSettings settings, Tensor ids) {
    long width = logits.size(1);
    long widest = (long) LARGEST * THREADS;
    KernelGuard guard =
        new KernelGuard(logits)
            .activations(logits)
            .tensors(ScalarType.Float, uniforms)
            .tensors(ScalarType.Long, ids)
            .needs(width <= widest, () -> "fused needs at most " + widest + " ids, got " + width);
    if (!choices.fused(KernelOperation.TOKEN_SAMPLING, guard)) {
      aten.sample(logits, uniforms, settings, ids);
      return;
    }
    int items =
        Arrays.stream(ITEMS).filter(i -> width <= (long) i * THREADS).findFirst().orElseThrow();
    program
        .launch("token_sampling_" + guard.suffix() + "_" + items)
        .tensor(logits)
        .tensor(uniforms)
        .tensor(ids)
        .int32(width)
        .int32(Math.min(settings.topK(), width))
        .float32(settings.topK() == 1 ? 1 : settings.temperature())
        .float32(settings.topP() < 1 ? 1 - settings.topP() : -1)
        .run(logits.size(0), THREADS);
  }
}
