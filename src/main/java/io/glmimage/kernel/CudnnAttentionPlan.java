package io.glmimage.kernel;

import io.glmimage.kernel.CudnnDescriptors.Descriptor;
import org.bytedeco.cuda.cudnn.cudnnContext;
import org.bytedeco.cuda.global.cudnn;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How cuDNN computes attention of one shape in bfloat16: one kernel, in which only query, key,
 * value and result are in memory. The weights of the values are rounded to bfloat16.
 *
 * <p>H heads, Q queries, K keys, d head width; tensors are {@code [rows, H, d]} in memory.
 */
final class CudnnAttentionPlan implements CudnnPlans.Plan {
  private static final Logger LOG = LoggerFactory.getLogger(CudnnAttentionPlan.class);

  // The tensors of the graph that are in memory, by the numbers that cuDNN knows them by.
  private static final long QUERY = 1;
  private static final long KEY = 2;
  private static final long VALUE = 3;
  private static final long OUT = 4;
  private static final long SCORE_SCALE = 5;

  private static final long[] OF_CALLERS = {QUERY, KEY, VALUE, OUT};

  private final CudnnGraph graph;

  /**
   * Lets cuDNN make the plan, which compiles a kernel.
   *
   * @throws KernelException if cuDNN has no kernel for it; says why
   */
  CudnnAttentionPlan(cudnnContext handle, AttentionShape shape) {
    graph = graph(handle, shape);
  }

  private static CudnnGraph graph(cudnnContext handle, AttentionShape shape) {
    String name = "attention of " + shape;
    try {
      return CudnnGraph.planned(handle, name, graph -> build(graph, shape, false));
    } catch (KernelException e) {
      // Whether cuDNN's pattern has the logarithms of the sums depends on its version.
      LOG.debug("{} without logarithms: {}", shape, e.getMessage());
      return CudnnGraph.planned(handle, name, graph -> build(graph, shape, true));
    }
  }

  private static void build(CudnnGraph graph, AttentionShape shape, boolean logarithms) {
    int bf16 = cudnn.CUDNN_DATA_BFLOAT16;
    long h = shape.heads();
    long q = shape.queries();
    long k = shape.keys();
    long d = shape.width();
    Descriptor query = graph.rows(QUERY, "query", bf16, h, q, d);
    Descriptor key = graph.columns(KEY, "key", bf16, h, k, d);
    Descriptor value = graph.rows(VALUE, "value", bf16, h, k, d);
    Descriptor out = graph.rows(OUT, "result", bf16, h, q, d);

    // 1. Scores of all pairs: [1, H, Q, K].
    Descriptor products = graph.virtual(h, q, k);
    graph.matmul(query, key, products);
    Descriptor scores = graph.virtual(h, q, k);
    graph.multiply(
        products, graph.constant(SCORE_SCALE, (float) (1 / Math.sqrt((double) d))), scores);
    // 2. Softmax over the keys.
    Descriptor weights = graph.virtual(bf16, h, q, k);
    graph.softmax(h, q, k, scores, weights, logarithms);
    // 3. The weighted mean of the values: [1, H, Q, d].
    graph.matmul(weights, value, out);
  }

  /** Bytes of device memory that a call needs besides its arguments. */
  long workspaceBytes() {
    return graph.workspaceBytes();
  }

  /**
   * Launches the kernel on the stream of {@code handle}. Arguments are addresses in device memory.
   *
   * @throws KernelException if cuDNN refuses
   */
  void run(cudnnContext handle, long query, long key, long value, long out, long workspace) {
    graph.run(handle, OF_CALLERS, new long[] {query, key, value, out}, workspace);
  }

  @Override
  public void close() {
    graph.close();
  }
}
