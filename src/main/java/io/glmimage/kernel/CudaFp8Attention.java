package io.glmimage.kernel;

import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * {@link Fp8Attention} as cuDNN's kernel where there is one. Other calls, and shapes for which
 * cuDNN fails, are computed in bfloat16 from the same numbers.
 */
final class CudaFp8Attention implements Fp8Attention {
  /** Major times 10 plus minor: the first compute capability for which cuDNN has such a kernel. */
  private static final int CAPABILITY = 90;

  private final KernelPrograms programs;
  private final KernelChoices choices;
  private final Fp8Attention other;
  private final RetriedCalls<AttentionShape> calls =
      new RetriedCalls<>("fp8 attention of", "attention in bfloat16");

  /** What prevents the use of cuDNN, by head width. */
  private final Map<Long, Optional<String>> problems = new ConcurrentHashMap<>();

  /**
   * @param attention for calls that cuDNN does not take in fp8
   */
  CudaFp8Attention(KernelPrograms programs, KernelChoices choices, SequenceAttention attention) {
    this.programs = programs;
    this.choices = choices;
    other = new AtenFp8Attention(attention);
  }

  @Override
  public boolean available(long headDim) {
    return problem(headDim).isEmpty();
  }

  @Override
  public void apply(Tensor query, Tensor key, Tensor value, Tensor out) {
    KernelGuard guard =
        new KernelGuard(query, ScalarType.Float8_e4m3fn).activations(query, key, value, out);
    if (!guard.empty() && guard.reason() == null) {
      Optional<String> problem = problem(query.size(2));
      guard.needs(problem.isEmpty(), problem::get);
    }
    if (!choices.preferred(KernelOperation.FP8_ATTENTION, guard)) {
      other.apply(query, key, value, out);
      return;
    }
    Fp8Attention cudnn = CudnnFp8Attention.of(programs.device());
    calls.call(
        new AttentionShape(query.size(1), query.size(0), key.size(0), query.size(2)),
        () -> into(out, cudnn, query, key, value),
        () -> into(out, other, query, key, value));
  }

  /** Whether cuDNN's kernel computes a shape, as far as earlier calls of it show. */
  boolean usesCudnn(AttentionShape shape) {
    return problem(shape.width()).isEmpty() && !calls.failed(shape);
  }

  private static Tensor into(
      Tensor out, Fp8Attention attention, Tensor query, Tensor key, Tensor value) {
    attention.apply(query, key, value, out);
    return out;
  }

  private Optional<String> problem(long headDim) {
    return problems.computeIfAbsent(headDim, this::find);
  }

  private Optional<String> find(long headDim) {
    if (programs.computeCapability() < CAPABILITY) {
      return Optional.of("cuDNN's fp8 attention needs compute capability 9.0");
    }
    if (headDim % 16 != 0 || headDim > 128) {
      return Optional.of("cuDNN needs heads of a multiple of 16 up to 128, got " + headDim);
    }
    return CudnnFp8Attention.problem(programs.device(), headDim);
  }
}
