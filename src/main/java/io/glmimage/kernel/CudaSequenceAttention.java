package io.glmimage.kernel;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * {@link SequenceAttention} as cuDNN's kernel on GPUs where it is faster than libtorch's own. Other
 * calls go to libtorch in every mode, since its kernels are fused too.
 */
final class CudaSequenceAttention implements SequenceAttention {
  /**
   * Major times 10 plus minor: the first compute capability on which cuDNN's attention is faster
   * than libtorch's own kernels.
   */
  private static final int CUDNN_CAPABILITY = 90;

  private final SequenceAttention aten = new AtenSequenceAttention();
  private final KernelPrograms programs;
  private final KernelChoices choices;
  private SequenceAttention cudnn;
  private String cudnnProblem;

  CudaSequenceAttention(KernelPrograms programs, KernelChoices choices) {
    this.programs = programs;
    this.choices = choices;
  }

  @Override
  public Tensor apply(Tensor query, Tensor key, Tensor value) {
    long headDim = query.size(3);
    KernelGuard guard =
        new KernelGuard(query, ScalarType.BFloat16)
            .views(query, key, value)
            .needs(
                headDim % 8 == 0 && headDim <= 128,
                () -> "cuDNN needs heads of a multiple of 8 up to 128, got " + headDim);
    if (!guard.empty() && guard.reason() == null) {
      guard.needs(cudnn() != null, () -> cudnnProblem);
    }
    return choices.preferred(KernelOperation.SEQUENCE_ATTENTION, guard)
        ? cudnn().apply(query, key, value)
        : aten.apply(query, key, value);
  }

  /** Null if cuDNN's attention cannot be used; {@link #cudnnProblem} then says why. */
  private synchronized SequenceAttention cudnn() {
    if (cudnn == null && cudnnProblem == null) {
      CudnnAttention candidate = new CudnnAttention();
      cudnnProblem =
          programs.computeCapability() < CUDNN_CAPABILITY
              ? "cuDNN's attention is used from compute capability 9.0 on"
              : candidate.problem(programs.device());
      cudnn =
          cudnnProblem == null
              ? new RetriedAttention(new CudnnPlannedAttention(programs.device(), candidate), aten)
              : null;
    }
    return cudnn;
  }
}
