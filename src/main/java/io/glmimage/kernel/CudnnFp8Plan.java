package io.glmimage.kernel;

import io.glmimage.kernel.CudnnDescriptors.Descriptor;
import org.bytedeco.cuda.cudnn.cudnnContext;
import org.bytedeco.cuda.global.cudnn;

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

  private static final long[] OF_CALLERS = {
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
    LARGEST_OUT
  };

  /**
   * Addresses of numbers in device memory that every call reads, and of two that it overwrites.
   *
   * @param one 1
   * @param factor {@link #WEIGHTS_FACTOR}
   * @param inverse its inverse
   */
  record Scales(long one, long factor, long inverse, long largestWeight, long largestOut) {}

  private final CudnnGraph graph;

  /**
   * Lets cuDNN make the plan, which compiles a kernel.
   *
   * @throws KernelException if cuDNN has no kernel for it; says why
   */
  CudnnFp8Plan(cudnnContext handle, AttentionShape shape) {
    graph = CudnnGraph.planned(handle, "fp8 attention of " + shape, made -> build(made, shape));
  }

  /** Bytes of device memory that a call needs besides its arguments. */
  long workspaceBytes() {
    return graph.workspaceBytes();
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
    graph.run(
        handle,
        OF_CALLERS,
        new long[] {
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
          scales.largestOut()
        },
        workspace);
  }

  @Override
  public void close() {
    graph.close();
  }

  /** The whole computation, as cuDNN expects to find it. */
  private static void build(CudnnGraph graph, AttentionShape shape) {
    int e4m3 = cudnn.CUDNN_DATA_FP8_E4M3;
    long h = shape.heads();
    long q = shape.queries();
    long k = shape.keys();
    long d = shape.width();
    double factor = QkNormRotary.factor(d);
    float scoreScale = (float) (1 / (Math.sqrt((double) d) * factor * factor));
    Descriptor query = graph.rows(QUERY, "query", e4m3, h, q, d);
    Descriptor key = graph.columns(KEY, "key", e4m3, h, k, d);
    Descriptor value = graph.rows(VALUE, "value", e4m3, h, k, d);
    Descriptor out = graph.rows(OUT, "result", e4m3, h, q, d);

    // 1. Scores of all pairs: [1, H, Q, K].
    Descriptor products = graph.virtual(h, q, k);
    graph.matmul(query, key, products);
    Descriptor scaled = graph.virtual(h, q, k);
    graph.multiply(products, graph.constant(SCORE_SCALE, scoreScale), scaled);
    Descriptor queryScaled = graph.virtual(h, q, k);
    graph.multiply(scaled, graph.number(QUERY_SCALE), queryScaled);
    Descriptor scores = graph.virtual(h, q, k);
    graph.multiply(queryScaled, graph.number(KEY_SCALE), scores);

    // 2. Softmax over the keys. Nobody reads the logarithm of its sum, but cuDNN knows no pattern
    // without it.
    Descriptor weights = graph.virtual(h, q, k);
    graph.softmax(h, q, k, scores, weights, /* logarithms= */ true);

    // 3. The weights in e4m3.
    Descriptor rounded = graph.virtual(e4m3, h, q, k);
    graph.multiply(weights, graph.number(WEIGHTS_SCALE), rounded);

    // 4. The weighted mean of the values: [1, H, Q, d].
    Descriptor means = graph.virtual(h, q, d);
    graph.matmul(rounded, value, means);
    Descriptor unscaled = graph.virtual(h, q, d);
    graph.multiply(means, graph.number(WEIGHTS_UNSCALE), unscaled);
    Descriptor result = graph.virtual(h, q, d);
    graph.multiply(unscaled, graph.number(VALUE_SCALE), result);
    graph.multiply(result, graph.number(OUT_SCALE), out);

    // 5. The largest numbers, for callers who choose scales by them. cuDNN's pattern has them.
    graph.reduce(cudnn.CUDNN_REDUCE_TENSOR_AMAX, weights, graph.number(LARGEST_WEIGHT));
    graph.reduce(cudnn.CUDNN_REDUCE_TENSOR_AMAX, result, graph.number(LARGEST_OUT));
  }
}
