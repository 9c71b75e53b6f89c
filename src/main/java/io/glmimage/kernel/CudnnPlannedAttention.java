package io.glmimage.kernel;

import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * {@link SequenceAttention} in bfloat16 as cuDNN's kernel, through plans of which a limited number
 * is kept ({@link CudnnPlans}). libtorch offers the same kernel, but keeps the plans of all shapes,
 * for each thread, until the process ends: with images of many sizes the host's memory fills up.
 *
 * <p>Heads of each width are first compared with float32 attention. Widths that fail, and tensors
 * that are not {@code [rows, H, d]} in memory, are left to another implementation. A new shape
 * costs some 0.1 s, in which cuDNN compiles its kernel. There is one object per GPU. Threads may
 * share it.
 */
final class CudnnPlannedAttention implements SequenceAttention {
  private static final Logger LOG = LoggerFactory.getLogger(CudnnPlannedAttention.class);

  /** By GPU. They live as long as the process. */
  private static final Map<Integer, CudnnPlans<CudnnAttentionPlan>> PLANS =
      new ConcurrentHashMap<>();

  private final int device;
  private final SequenceAttention other;

  /** What prevents the use of plans, by head width. */
  private final Map<Long, Optional<String>> problems = new ConcurrentHashMap<>();

  /**
   * @param other for calls that this class does not take
   */
  CudnnPlannedAttention(int device, SequenceAttention other) {
    this.device = device;
    this.other = other;
  }

  @Override
  public Tensor apply(Tensor query, Tensor key, Tensor value) {
    return inRows(query) && inRows(key) && inRows(value) && problem(query.size(3)).isEmpty()
        ? planned(query, key, value)
        : other.apply(query, key, value);
  }

  /** Why heads of a width are left to the other implementation; empty if they are not. */
  Optional<String> problem(long headDim) {
    return problems.computeIfAbsent(headDim, this::find);
  }

  /** Whether a tensor {@code [1, H, rows, d]} is {@code [rows, H, d]} in memory, without gaps. */
  private static boolean inRows(Tensor x) {
    return x.size(0) == 1
        && x.stride(3) == 1
        && x.stride(1) == x.size(3)
        && x.stride(2) == x.size(1) * x.size(3);
  }

  private Tensor planned(Tensor query, Tensor key, Tensor value) {
    long heads = query.size(1);
    long queries = query.size(2);
    long width = query.size(3);
    Compute compute = Compute.cuda(device);
    try (TensorScope scope = new TensorScope()) {
      Tensor out = Ops.empty(compute, ScalarType.BFloat16, queries, heads, width);
      PLANS
          .computeIfAbsent(device, d -> new CudnnPlans<>(d, CudnnAttentionPlan::new))
          .with(
              new AttentionShape(heads, queries, key.size(2), width),
              (handle, plan) -> {
                Tensor workspace =
                    Ops.empty(compute, ScalarType.Byte, Math.max(16, plan.workspaceBytes()));
                plan.run(
                    handle,
                    query.data_ptr().address(),
                    key.data_ptr().address(),
                    value.data_ptr().address(),
                    out.data_ptr().address(),
                    workspace.data_ptr().address());
              });
      // [Q, H, d] -> [1, H, Q, d]
      return scope.keep(out.unsqueeze(0).transpose(1, 2));
    }
  }

  private Optional<String> find(long headDim) {
    Fp8Attention attention = new AtenFp8Attention(this::planned);
    Optional<String> problem =
        CudnnPlans.problem(
            headDim,
            shape ->
                Fp8AttentionTrial.check(
                    Compute.cuda(device), "bfloat16 attention", shape, attention::apply));
    problem.ifPresent(
        text ->
            LOG.warn(
                "Attention with heads of {} uses libtorch's plans, which fill the host's memory if"
                    + " images have many sizes: {}",
                headDim,
                text));
    return problem;
  }
}
