package io.glmimage.kernel;

import io.glmimage.tensor.DeviceFailure;
import io.glmimage.tensor.TensorScope;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.Supplier;
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

  /** Queries and keys that every width must pass before any of its shapes is used. */
  private static final int[][] TRIED = {{64, 64}, {129, 257}, {1057, 2081}};

  private static final int TRIED_HEADS = 2;

  private final int device;
  private final Maker<P> maker;
  private final cudnnContext handle;
  private final Recent<P> plans = new Recent<>(KEPT);

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
   * Why heads of a width cannot be used; empty if they can. Some shapes of the width are tried.
   *
   * @param trial throws if a shape fails
   * @throws KernelException if the device's memory is too full to say
   */
  static Optional<String> problem(long width, Consumer<AttentionShape> trial) {
    try (TensorScope scope = new TensorScope()) {
      for (int[] lengths : TRIED) {
        trial.accept(new AttentionShape(TRIED_HEADS, lengths[0], lengths[1], width));
      }
      return Optional.empty();
    } catch (KernelException e) {
      if (DeviceFailure.isOutOfMemory(e)) {
        throw e;
      }
      return Optional.of(e.getMessage());
    } catch (LinkageError e) {
      return Optional.of("the binding of cuDNN cannot be loaded: " + e.getMessage());
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
      // The kernel of a plan that is closed may still be running.
      P plan = plans.get(shape, () -> maker.make(handle, shape), stream::synchronize);
      work.accept(handle, plan);
    } finally {
      torch_cuda.ExchangeDevice(before);
    }
  }

  /** The plans that were used last. */
  static final class Recent<P extends Plan> {
    private final int limit;
    private final Map<AttentionShape, P> plans =
        new LinkedHashMap<>(16, 0.75f, /* accessOrder= */ true);

    /**
     * @param limit most plans, at least 1
     */
    Recent(int limit) {
      this.limit = limit;
    }

    /**
     * The plan of a shape. If there is none, it is made, and the plan that was not used for the
     * longest time is closed if there are too many.
     *
     * @param maker makes the plan; if it throws, nothing changes
     * @param beforeClosing runs before a plan is closed
     */
    P get(AttentionShape shape, Supplier<P> maker, Runnable beforeClosing) {
      P known = plans.get(shape);
      if (known != null) {
        return known;
      }
      P made = maker.get();
      plans.put(shape, made);
      if (plans.size() > limit) {
        beforeClosing.run();
        plans.remove(plans.keySet().iterator().next()).close();
      }
      return made;
    }
  }
}
