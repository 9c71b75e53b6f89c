package io.glmimage.kernel;

import io.glmimage.tensor.TensorScope;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.BiConsumer;
import org.bytedeco.cuda.cudnn.cudnnContext;
import org.bytedeco.cuda.global.cudnn;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.pytorch.cuda.CUDAStream;
import org.bytedeco.pytorch.global.torch_cuda;

/**
 * cuDNN's plans of attention for one GPU. The last {@value #KEPT} shapes are kept, and older plans
 * are freed: a plan holds a compiled kernel, and images of all sizes would fill the host's memory.
 * libtorch's own plans of attention have no such limit.
 *
 * <p>Lives as long as the process, as libtorch's cuDNN handles do. Threads may share it.
 *
 * @param <P> a plan
 */
final class CudnnPlans<P extends CudnnPlans.Plan> {
  /** An edit takes two to six shapes, which depend on the image's size and the prompt's length. */
  static final int KEPT = 256;

  /** A plan of one shape. */
  interface Plan extends AutoCloseable {
    @Override
    void close();
  }

  /** Makes plans. */
  @FunctionalInterface
  interface Maker<P> {
    /**
     * @throws KernelException if cuDNN has no plan for the shape
     */
    P make(cudnnContext handle, AttentionShape shape);
  }

  private final int device;
  private final Maker<P> maker;
  private final cudnnContext handle;
  private final Map<AttentionShape, P> plans =
      new LinkedHashMap<>(16, 0.75f, /* accessOrder= */ true);

  /**
   * @throws LinkageError if cuDNN or its binding is missing
   * @throws KernelException if cuDNN refuses
   */
  CudnnPlans(int device, Maker<P> maker) {
    this.device = device;
    this.maker = maker;
    Loader.load(cudnn.class);
    byte before = torch_cuda.ExchangeDevice((byte) device);
    try (TensorScope scope = new TensorScope()) {
      handle = new cudnnContext();
      CudnnDescriptors.check(cudnn.cudnnCreate(handle), "create a handle");
    } finally {
      torch_cuda.ExchangeDevice(before);
    }
  }

  /**
   * Runs work with the plan of a shape, which is made if there is none. The handle has libtorch's
   * current stream.
   *
   * @throws KernelException if cuDNN has no plan for the shape
   */
  synchronized void with(AttentionShape shape, BiConsumer<cudnnContext, P> work) {
    byte before = torch_cuda.ExchangeDevice((byte) device);
    try (TensorScope scope = new TensorScope();
        CUDAStream stream = torch_cuda.getCurrentCUDAStream((byte) device)) {
      CudnnDescriptors.check(cudnn.cudnnSetStream(handle, stream.stream()), "set the stream");
      P plan = plans.get(shape);
      if (plan == null) {
        plan = maker.make(handle, shape);
        plans.put(shape, plan);
        if (plans.size() > KEPT) {
          // Its kernel may still be running.
          stream.synchronize();
          plans.remove(plans.keySet().iterator().next()).close();
        }
      }
      work.accept(handle, plan);
    } finally {
      torch_cuda.ExchangeDevice(before);
    }
  }

  /** The number of plans that are kept. */
  synchronized int size() {
    return plans.size();
  }
}
