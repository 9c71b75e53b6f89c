package io.glmimage.kernel;

import io.glmimage.kernel.CudnnDescriptors.Descriptor;
import org.bytedeco.cuda.cudnn.cudnnContext;
import org.bytedeco.cuda.global.cudnn;
import org.bytedeco.javacpp.FloatPointer;
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

  private static final long[] IN_MEMORY = {QUERY, KEY, VALUE, OUT, SCORE_SCALE};

  private final AttentionShape shape;
  private final FloatPointer scoreScale;
  private CudnnGraph graph;
  private Descriptor plan;
  private final long workspaceBytes;

  /**
   * Lets cuDNN make the plan, which compiles a kernel.
   *
   * @throws KernelException if cuDNN has no kernel for it; says why
   */
  CudnnAttentionPlan(cudnnContext handle, AttentionShape shape) {
    this.shape = shape;
    scoreScale = new FloatPointer((float) (1 / Math.sqrt((double) shape.width())));
    scoreScale.retainReference();
    try {
      try {
        make(handle, /* logarithms= */ false);
      } catch (KernelException e) {
        // Whether cuDNN's pattern has the logarithms of the sums depends on its version.
        LOG.debug("{} without logarithms: {}", shape, e.getMessage());
        graph.close();
        make(handle, /* logarithms= */ true);
      }
      workspaceBytes = plan.int64(cudnn.CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE);
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  private void make(cudnnContext handle, boolean logarithms) {
    graph = new CudnnGraph("attention of " + shape);
    long h = shape.heads();
    long q = shape.queries();
    long k = shape.keys();
    long d = shape.width();
    Descriptor query = bf16(QUERY, "query", dims(1, h, q, d), dims(q * h * d, d, h * d, 1));
    Descriptor key = bf16(KEY, "key", dims(1, h, d, k), dims(k * h * d, d, 1, h * d));
    Descriptor value = bf16(VALUE, "value", dims(1, h, k, d), dims(k * h * d, d, h * d, 1));
    Descriptor out = bf16(OUT, "result", dims(1, h, q, d), dims(q * h * d, d, h * d, 1));

    // 1. Scores of all pairs: [1, H, Q, K].
    Descriptor products = graph.virtual(h, q, k);
    graph.matmul(query, key, products);
    Descriptor scores = graph.virtual(h, q, k);
    graph.multiply(products, graph.number(SCORE_SCALE, /* ofHost= */ true), scores);
    // 2. Softmax over the keys.
    Descriptor weights = graph.virtual(cudnn.CUDNN_DATA_BFLOAT16, h, q, k);
    graph.softmax(h, q, k, scores, weights, logarithms);
    // 3. The weighted mean of the values: [1, H, Q, d].
    graph.matmul(weights, value, out);

    plan = graph.plan(handle);
  }

  /** Bytes of device memory that a call needs besides its arguments. */
  long workspaceBytes() {
    return workspaceBytes;
  }

  /**
   * Launches the kernel on the stream of {@code handle}. Arguments are addresses in device memory.
   *
   * @throws KernelException if cuDNN refuses
   */
  void run(cudnnContext handle, long query, long key, long value, long out, long workspace) {
    try (CudnnDescriptors call = new CudnnDescriptors()) {
      Descriptor pack =
          call.create(cudnn.CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, "arguments")
              .addresses(
                  cudnn.CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS,
                  query,
                  key,
                  value,
                  out,
                  scoreScale.address())
              .int64(cudnn.CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, IN_MEMORY)
              .addresses(cudnn.CUDNN_ATTR_VARIANT_PACK_WORKSPACE, workspace)
              .finish();
      CudnnDescriptors.check(
          cudnn.cudnnBackendExecute(handle, plan.handle(), pack.handle()),
          "run attention of " + shape);
    }
  }

  @Override
  public void close() {
    graph.close();
    scoreScale.releaseReference();
  }

  private Descriptor bf16(long id, String name, long[] sizes, long[] strides) {
    return graph.stored(id, name, cudnn.CUDNN_DATA_BFLOAT16, sizes, strides);
  }

  private static long[] dims(long... sizes) {
    return sizes;
  }
}
