package io.glmimage.kernel;

import io.glmimage.kernel.CudnnFp8Plan.Scales;
import io.glmimage.kernel.CudnnFp8Plan.Shape;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.DeviceFailure;
import io.glmimage.tensor.Libtorch;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.OwnedTensors;
import io.glmimage.tensor.TensorScope;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.bytedeco.cuda.cudnn.cudnnContext;
import org.bytedeco.cuda.global.cudnn;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.cuda.CUDAStream;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.bytedeco.pytorch.global.torch_cuda;

/**
 * {@link Fp8Attention} as cuDNN's kernel, through cuDNN's backend API, because libtorch does not
 * offer it. {@code Fp8AttentionCheck} printed for 32 heads of 128, 4128 queries and 8224 keys on an
 * H200: 772 TFLOP/s, and 577 in bfloat16.
 *
 * <p>A new shape costs some 0.1 s, in which cuDNN compiles its kernel, and {@link
 * Fp8AttentionTrial} compares it. A kernel that gives wrong values is never used. The last {@value
 * #KEPT_PLANS} shapes are kept. There is one object per GPU, which lives as long as the process, as
 * libtorch's own cuDNN handles do. Threads may share it.
 */
final class CudnnFp8Attention implements Fp8Attention {
  private static final int KEPT_PLANS = 64;

  /** Floats from one number to the next: cuDNN expects each at 16 bytes. */
  private static final int SPACING = 4;

  /** Queries and keys that every width must pass before any of its shapes is used. */
  private static final int[][] TRIED = {{64, 64}, {129, 257}, {1057, 2081}};

  private static final int TRIED_HEADS = 2;

  private static final Map<Integer, CudnnFp8Attention> OF_DEVICES = new ConcurrentHashMap<>();

  private final int device;
  private final cudnnContext handle;

  /** Where {@link #scales} points. A tensor without a reference is freed, even a retained one. */
  private final OwnedTensors numbers = new OwnedTensors();

  private final Scales scales;
  private final Map<Shape, CudnnFp8Plan> plans =
      new LinkedHashMap<>(16, 0.75f, /* accessOrder= */ true);

  private CudnnFp8Attention(int device) {
    this.device = device;
    Loader.load(cudnn.class);
    byte before = torch_cuda.ExchangeDevice((byte) device);
    try (TensorScope scope = new TensorScope()) {
      handle = new cudnnContext();
      CudnnDescriptors.check(cudnn.cudnnCreate(handle), "create a handle");
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

  /** Why cuDNN's fp8 attention cannot be used on a GPU; null if it can. */
  static String problem(int device, long headDim) {
    try (TensorScope scope = new TensorScope()) {
      for (int[] lengths : TRIED) {
        of(device).prepare(new Shape(TRIED_HEADS, lengths[0], lengths[1], headDim));
      }
      return null;
    } catch (KernelException e) {
      if (DeviceFailure.isOutOfMemory(e)) {
        throw e;
      }
      return e.getMessage();
    } catch (LinkageError e) {
      return "the binding of cuDNN cannot be loaded: " + e.getMessage();
    }
  }

  @Override
  public boolean available(long headDim) {
    return true;
  }

  @Override
  public synchronized void apply(Tensor query, Tensor key, Tensor value, Tensor out) {
    Shape shape = new Shape(query.size(1), query.size(0), key.size(0), query.size(2));
    withStream(stream -> run(plan(shape, stream), query, key, value, out));
  }

  /**
   * Makes the plan of a shape, unless there is one.
   *
   * @throws KernelException if cuDNN has none, or its values are wrong
   */
  private synchronized void prepare(Shape shape) {
    withStream(stream -> plan(shape, stream));
  }

  private void withStream(Consumer<CUDAStream> work) {
    byte before = torch_cuda.ExchangeDevice((byte) device);
    try (TensorScope scope = new TensorScope();
        CUDAStream stream = torch_cuda.getCurrentCUDAStream((byte) device)) {
      CudnnDescriptors.check(cudnn.cudnnSetStream(handle, stream.stream()), "set the stream");
      work.accept(stream);
    } finally {
      torch_cuda.ExchangeDevice(before);
    }
  }

  private void run(CudnnFp8Plan plan, Tensor query, Tensor key, Tensor value, Tensor out) {
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

  private CudnnFp8Plan plan(Shape shape, CUDAStream stream) {
    CudnnFp8Plan known = plans.get(shape);
    if (known != null) {
      return known;
    }
    CudnnFp8Plan plan = new CudnnFp8Plan(handle, shape);
    try {
      Fp8AttentionTrial.check(
          Compute.cuda(device), shape, (q, k, v, out) -> run(plan, q, k, v, out));
    } catch (RuntimeException e) {
      // Its kernel may still be running.
      stream.synchronize();
      plan.close();
      throw e;
    }
    plans.put(shape, plan);
    if (plans.size() > KEPT_PLANS) {
      Shape oldest = plans.keySet().iterator().next();
      stream.synchronize();
      plans.remove(oldest).close();
    }
    return plan;
  }
}
