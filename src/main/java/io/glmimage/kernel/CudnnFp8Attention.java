package io.glmimage.kernel;

import io.glmimage.kernel.CudnnFp8Plan.Scales;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Libtorch;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.OwnedTensors;
import io.glmimage.tensor.TensorScope;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.bytedeco.cuda.cudnn.cudnnContext;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.bytedeco.pytorch.global.torch_cuda;

/**
 * {@link Fp8Attention} as cuDNN's kernel, through cuDNN's backend API, because libtorch does not
 * offer it. {@code Fp8AttentionCheck} printed for 32 heads of 128, 4128 queries and 8224 keys on an
 * H200: 772 TFLOP/s, and 577 in bfloat16.
 *
 * <p>A new shape costs some 0.1 s, in which cuDNN compiles its kernel, and {@link
 * Fp8AttentionTrial} compares it. A kernel that gives wrong values is never used. There is one
 * object per GPU, which lives as long as the process. Threads may share it.
 */
final class CudnnFp8Attention implements Fp8Attention {
  /** Floats from one number to the next: cuDNN expects each at 16 bytes. */
  private static final int SPACING = 4;

  private static final Map<Integer, CudnnFp8Attention> OF_DEVICES = new ConcurrentHashMap<>();

  private final int device;
  private final CudnnPlans<CudnnFp8Plan> plans;

  /** Where {@link #scales} points. A tensor without a reference is freed, even a retained one. */
  private final OwnedTensors numbers = new OwnedTensors();

  private final Scales scales;

  private CudnnFp8Attention(int device) {
    this.device = device;
    plans = new CudnnPlans<>(device, this::newPlan);
    byte before = torch_cuda.ExchangeDevice((byte) device);
    try (TensorScope scope = new TensorScope()) {
      TensorOptions type = Compute.cuda(device).options(ScalarType.Float);
      Tensor memory = numbers.own(Ops.zeros(type, 5L * SPACING));
      long address = memory.data_ptr().address();
      long step = (long) SPACING * Float.BYTES;
      float[] values = {1, CudnnFp8Plan.WEIGHTS_FACTOR, 1 / CudnnFp8Plan.WEIGHTS_FACTOR};
      for (int i = 0; i < values.length; i++) {
        memory.select(0, (long) i * SPACING).fill_(new Scalar(values[i]));
      }
      // Other threads read them on other streams.
      Libtorch.synchronize();
      scales =
          new Scales(
              address, address + step, address + 2 * step, address + 3 * step, address + 4 * step);
    } finally {
      torch_cuda.ExchangeDevice(before);
    }
  }

  /**
   * That of a GPU.
   *
   * @throws LinkageError if cuDNN or its binding is missing
   * @throws KernelException if cuDNN refuses
   */
  static CudnnFp8Attention of(int device) {
    return OF_DEVICES.computeIfAbsent(device, CudnnFp8Attention::new);
  }

  /** Why cuDNN's fp8 attention cannot be used on a GPU; empty if it can. */
  static Optional<String> problem(int device, long headDim) {
    return CudnnPlans.problem(headDim, shape -> of(device).plans.with(shape, (handle, plan) -> {}));
  }

  @Override
  public boolean available(long headDim) {
    return true;
  }

  @Override
  public void apply(Tensor query, Tensor key, Tensor value, Tensor out) {
    plans.with(
        new AttentionShape(query.size(1), query.size(0), key.size(0), query.size(2)),
        (handle, plan) -> run(handle, plan, query, key, value, out));
  }

  private void run(
      cudnnContext handle, CudnnFp8Plan plan, Tensor query, Tensor key, Tensor value, Tensor out) {
    Tensor workspace =
        Ops.empty(Compute.cuda(device), ScalarType.Byte, Math.max(16, plan.workspaceBytes()));
    plan.run(
        handle,
        query.data_ptr().address(),
        key.data_ptr().address(),
        value.data_ptr().address(),
        out.data_ptr().address(),
        scales,
        workspace.data_ptr().address());
  }

  /**
   * @throws KernelException if cuDNN has none, or its values are wrong
   */
  private CudnnFp8Plan newPlan(cudnnContext handle, AttentionShape shape) {
    Compute compute = Compute.cuda(device);
    CudnnFp8Plan plan = new CudnnFp8Plan(handle, shape);
    try {
      Fp8AttentionTrial.check(
          compute, "fp8 attention", shape, (q, k, v, out) -> run(handle, plan, q, k, v, out));
    } catch (RuntimeException e) {
      // Its kernel may still be running.
      compute.awaitStream();
      plan.close();
      throw e;
    }
    return plan;
  }
}
