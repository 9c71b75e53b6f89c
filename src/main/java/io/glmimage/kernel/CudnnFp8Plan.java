package io.glmimage.kernel;

import io.glmimage.kernel.CudnnDescriptors.Descriptor;
import org.bytedeco.cuda.cudnn.cudnnContext;
import org.bytedeco.cuda.global.cudnn;
import org.bytedeco.javacpp.FloatPointer;

/**
 * How cuDNN computes attention of one shape in e4m3. cuDNN recognizes the operation in a graph of
 * products, softmax and scalings, and compiles one kernel for it, in which only query, key, value
 * and result are in memory. The weights of the values are rounded to e4m3, too, multiplied by
 * {@link #WEIGHTS_FACTOR}.
 *
 * <p>H heads, Q queries, K keys, d head width; tensors are {@code [rows, H, d]} in memory.
 */
final class CudnnFp8Plan implements CudnnPlans.Plan {
  /** Weights of values are at most 1; times this they use most of e4m3's range. */
  static final float WEIGHTS_FACTOR = 256;

  // The tensors of the graph that are in memory, by the numbers that cuDNN knows them by.
  private static final long QUERY = 1;
  private static final long KEY = 2;
  private static final long VALUE = 3;
  private static final long QUERY_SCALE = 4;
  private static final long KEY_SCALE = 5;
  private static final long VALUE_SCALE = 6;
  private static final long WEIGHTS_UNSCALE = 7;
  private static final long WEIGHTS_SCALE = 8;
  private static final long OUT_SCALE = 9;
  private static final long OUT = 10;
  private static final long LARGEST_WEIGHT = 11;
  private static final long LARGEST_OUT = 12;
  private static final long SCORE_SCALE = 13;

  private static final long[] IN_MEMORY = {
    QUERY,
    KEY,
    VALUE,
    QUERY_SCALE,
    KEY_SCALE,
    VALUE_SCALE,
    WEIGHTS_UNSCALE,
    WEIGHTS_SCALE,
    OUT_SCALE,
    OUT,
    LARGEST_WEIGHT,
    LARGEST_OUT,
    SCORE_SCALE
  };

  /**
   * Addresses of numbers in device memory that every call reads, and of two that it overwrites.
   *
   * @param one 1
   * @param factor {@link #WEIGHTS_FACTOR}
   * @param inverse its inverse
   */
  record Scales(long one, long factor, long inverse, long largestWeight, long largestOut) {}

  private final AttentionShape shape;
  private final CudnnGraph graph;
  private final FloatPointer scoreScale;
  private final Descriptor plan;
  private final long workspaceBytes;

  /**
   * Lets cuDNN make the plan, which compiles a kernel.
   *
   * @throws KernelException if cuDNN has no kernel for it; says why
   */
  CudnnFp8Plan(cudnnContext handle, AttentionShape shape) {
    this.shape = shape;
    graph = new CudnnGraph("fp8 attention of " + shape);
    double factor = QkNormRotary.factor(shape.width());
    scoreScale =
        new FloatPointer((float) (1 / (Math.sqrt((double) shape.width()) * factor * factor)));
    scoreScale.retainReference();
    try {
      build();
      plan = graph.plan(handle);
      workspaceBytes = plan.int64(cudnn.CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE);
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  /** Bytes of device memory that a call needs besides its arguments. */
  long workspaceBytes() {
    return workspaceBytes;
  }

  /**
   * Launches the kernel on the stream of {@code handle}.
   *
   * @throws KernelException if cuDNN refuses
   */
  void run(
      cudnnContext handle,
      long query,
      long key,
      long value,
      long out,
      Scales scales,
      long workspace) {
    try (CudnnDescriptors call = new CudnnDescriptors()) {
      Descriptor pack =
          call.create(cudnn.CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, "arguments")
              .addresses(
                  cudnn.CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS,
                  query,
                  key,
                  value,
                  scales.one(),
                  scales.one(),
                  scales.one(),
                  scales.inverse(),
                  scales.factor(),
                  scales.one(),
                  out,
                  scales.largestWeight(),
                  scales.largestOut(),
                  scoreScale.address())
              .int64(cudnn.CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, IN_MEMORY)
              .addresses(cudnn.CUDNN_ATTR_VARIANT_PACK_WORKSPACE, workspace)
              .finish();
      CudnnDescriptors.check(
          cudnn.cudnnBackendExecute(handle, plan.handle(), pack.handle()),
          "run fp8 attention of " + shape);
    }
  }

  @Override
  public void close() {
    graph.close();
    scoreScale.releaseReference();
  }

  /** The whole computation, as cuDNN expects to find it. */
  private void build() {
    long h = shape.heads();
    long q = shape.queries();
    long k = shape.keys();
    long d = shape.width();
    Descriptor query = e4m3(QUERY, "query", dims(1, h, q, d), dims(q * h * d, d, h * d, 1));
    Descriptor key = e4m3(KEY, "key", dims(1, h, d, k), dims(k * h * d, d, 1, h * d));
    Descriptor value = e4m3(VALUE, "value", dims(1, h, k, d), dims(k * h * d, d, h * d, 1));
    Descriptor out = e4m3(OUT, "result", dims(1, h, q, d), dims(q * h * d, d, h * d, 1));

    // 1. Scores of all pairs: [1, H, Q, K].
    Descriptor products = graph.virtual(h, q, k);
    graph.matmul(query, key, products);
    Descriptor scaled = graph.virtual(h, q, k);
    graph.multiply(products, graph.number(SCORE_SCALE, true), scaled);
    Descriptor queryScaled = graph.virtual(h, q, k);
    graph.multiply(scaled, graph.number(QUERY_SCALE, false), queryScaled);
    Descriptor scores = graph.virtual(h, q, k);
    graph.multiply(queryScaled, graph.number(KEY_SCALE, false), scores);

    // 2. Softmax over the keys. Nobody reads the logarithm of its sum, but cuDNN knows no pattern
    // without it.
    Descriptor weights = graph.virtual(h, q, k);
    graph.softmax(h, q, k, scores, weights, /* logarithms= */ true);

    // 3. The weights in e4m3.
    Descriptor rounded = graph.virtual(cudnn.CUDNN_DATA_FP8_E4M3, h, q, k);
    graph.multiply(weights, graph.number(WEIGHTS_SCALE, false), rounded);

    // 4. The weighted mean of the values: [1, H, Q, d].
    Descriptor means = graph.virtual(h, q, d);
    graph.matmul(rounded, value, means);
    Descriptor unscaled = graph.virtual(h, q, d);
    graph.multiply(means, graph.number(WEIGHTS_UNSCALE, false), unscaled);
    Descriptor result = graph.virtual(h, q, d);
    graph.multiply(unscaled, graph.number(VALUE_SCALE, false), result);
    graph.multiply(result, graph.number(OUT_SCALE, false), out);

    // 5. The largest numbers, for callers who choose scales by them. cuDNN's pattern has them.
    graph.reduce(cudnn.CUDNN_REDUCE_TENSOR_AMAX, weights, graph.number(LARGEST_WEIGHT, false));
    graph.reduce(cudnn.CUDNN_REDUCE_TENSOR_AMAX, result, graph.number(LARGEST_OUT, false));
  }

  private Descriptor e4m3(long id, String name, long[] sizes, long[] strides) {
    return graph.stored(id, name, cudnn.CUDNN_DATA_FP8_E4M3, sizes, strides);
  }

  private static long[] dims(long... sizes) {
    return sizes;
  }
}
