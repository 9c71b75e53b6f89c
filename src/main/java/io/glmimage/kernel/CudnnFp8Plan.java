package io.glmimage.kernel;

import io.glmimage.kernel.CudnnDescriptors.Descriptor;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.cuda.cudnn.cudnnContext;
import org.bytedeco.cuda.global.cudnn;
import org.bytedeco.javacpp.FloatPointer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How cuDNN computes attention of one shape in e4m3. cuDNN recognizes the operation in a graph of
 * products, softmax and scalings, and compiles one kernel for it, in which only query, key, value
 * and result are in memory. The weights of the values are rounded to e4m3, too, multiplied by
 * {@link #WEIGHTS_FACTOR}.
 *
 * <p>H heads, Q queries, K keys, d head width; tensors are {@code [rows, H, d]} in memory.
 */
final class CudnnFp8Plan implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(CudnnFp8Plan.class);

  /** Weights of values are at most 1; times this they use most of e4m3's range. */
  static final float WEIGHTS_FACTOR = 256;

  private static final long ALIGNMENT = 16;

  /** cuDNN's recommendations, the better ones first. */
  private static final int[] HEURISTICS = {
    cudnn.CUDNN_HEUR_MODE_A, cudnn.CUDNN_HEUR_MODE_B, cudnn.CUDNN_HEUR_MODE_FALLBACK
  };

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

  /** The sizes that a plan is made for. */
  record Shape(long heads, long queries, long keys, long width) {
    @Override
    public String toString() {
      return heads + " heads of " + width + ", " + queries + " queries, " + keys + " keys";
    }
  }

  /**
   * Addresses of numbers in device memory that every call reads, and of two that it overwrites.
   *
   * @param one 1
   * @param factor {@link #WEIGHTS_FACTOR}
   * @param inverse its inverse
   */
  record Scales(long one, long factor, long inverse, long largestWeight, long largestOut) {}

  private final Shape shape;
  private final CudnnDescriptors descriptors = new CudnnDescriptors();
  private final FloatPointer scoreScale;
  private final Descriptor plan;
  private final long workspaceBytes;
  private long nextTensor = SCORE_SCALE + 1;

  /**
   * Lets cuDNN make the plan, which compiles a kernel.
   *
   * @throws KernelException if cuDNN has no kernel for it; says why
   */
  CudnnFp8Plan(cudnnContext handle, Shape shape) {
    this.shape = shape;
    double factor = QkNormRotary.factor(shape.width());
    scoreScale =
        new FloatPointer((float) (1 / (Math.sqrt((double) shape.width()) * factor * factor)));
    scoreScale.retainReference();
    try {
      plan = plan(graph(handle));
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
    descriptors.close();
    scoreScale.releaseReference();
  }

  /** The whole computation, as cuDNN expects to find it. */
  private Descriptor graph(cudnnContext handle) {
    long h = shape.heads();
    long q = shape.queries();
    long k = shape.keys();
    long d = shape.width();
    Descriptor query = e4m3(QUERY, "query", dims(1, h, q, d), dims(q * h * d, d, h * d, 1));
    Descriptor key = e4m3(KEY, "key", dims(1, h, d, k), dims(k * h * d, d, 1, h * d));
    Descriptor value = e4m3(VALUE, "value", dims(1, h, k, d), dims(k * h * d, d, h * d, 1));
    Descriptor out = e4m3(OUT, "result", dims(1, h, q, d), dims(q * h * d, d, h * d, 1));

    List<Descriptor> operations = new ArrayList<>();
    // 1. Scores of all pairs: [1, H, Q, K].
    Descriptor products = virtual(h, q, k);
    operations.add(matmul(query, key, products));
    Descriptor scaled = virtual(h, q, k);
    operations.add(multiply(products, number(SCORE_SCALE, true), scaled));
    Descriptor queryScaled = virtual(h, q, k);
    operations.add(multiply(scaled, number(QUERY_SCALE, false), queryScaled));
    Descriptor scores = virtual(h, q, k);
    operations.add(multiply(queryScaled, number(KEY_SCALE, false), scores));

    // 2. Softmax over the keys. Nobody reads the logarithm of its sum, but cuDNN knows no pattern
    // without it.
    Descriptor largest = virtual(h, q, 1);
    operations.add(reduce(cudnn.CUDNN_REDUCE_TENSOR_MAX, scores, largest));
    Descriptor below = virtual(h, q, k);
    operations.add(pointwise(cudnn.CUDNN_POINTWISE_SUB, scores, largest, below));
    Descriptor exponentials = virtual(h, q, k);
    operations.add(pointwise(cudnn.CUDNN_POINTWISE_EXP, below, null, exponentials));
    Descriptor sum = virtual(h, q, 1);
    operations.add(reduce(cudnn.CUDNN_REDUCE_TENSOR_ADD, exponentials, sum));
    Descriptor logarithm = virtual(h, q, 1);
    operations.add(pointwise(cudnn.CUDNN_POINTWISE_LOG, sum, null, logarithm));
    operations.add(pointwise(cudnn.CUDNN_POINTWISE_ADD, largest, logarithm, virtual(h, q, 1)));
    Descriptor weights = virtual(h, q, k);
    operations.add(pointwise(cudnn.CUDNN_POINTWISE_DIV, exponentials, sum, weights));

    // 3. The weights in e4m3.
    Descriptor rounded =
        tensor(
            nextTensor++,
            "weights",
            cudnn.CUDNN_DATA_FP8_E4M3,
            dims(1, h, q, k),
            dims(h * q * k, q * k, k, 1),
            true,
            false);
    operations.add(multiply(weights, number(WEIGHTS_SCALE, false), rounded));

    // 4. The weighted mean of the values: [1, H, Q, d].
    Descriptor means = virtual(h, q, d);
    operations.add(matmul(rounded, value, means));
    Descriptor unscaled = virtual(h, q, d);
    operations.add(multiply(means, number(WEIGHTS_UNSCALE, false), unscaled));
    Descriptor result = virtual(h, q, d);
    operations.add(multiply(unscaled, number(VALUE_SCALE, false), result));
    operations.add(multiply(result, number(OUT_SCALE, false), out));

    // 5. The largest numbers, for callers who choose scales by them. cuDNN's pattern has them.
    operations.add(reduce(cudnn.CUDNN_REDUCE_TENSOR_AMAX, weights, number(LARGEST_WEIGHT, false)));
    operations.add(reduce(cudnn.CUDNN_REDUCE_TENSOR_AMAX, result, number(LARGEST_OUT, false)));

    return descriptors
        .create(cudnn.CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, "the graph of fp8 attention")
        .descriptors(cudnn.CUDNN_ATTR_OPERATIONGRAPH_OPS, operations.toArray(Descriptor[]::new))
        .handle(cudnn.CUDNN_ATTR_OPERATIONGRAPH_HANDLE, handle)
        .finish();
  }

  /** The first of cuDNN's recommendations that it can run. */
  private Descriptor plan(Descriptor graph) {
    KernelException refusal = null;
    for (int mode : HEURISTICS) {
      try {
        for (Descriptor configuration : configurations(graph, mode)) {
          try {
            return descriptors
                .create(cudnn.CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, "a plan of fp8 attention")
                .descriptors(cudnn.CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, configuration)
                .finish();
          } catch (KernelException e) {
            refusal = first(refusal, e);
          }
        }
      } catch (KernelException e) {
        refusal = first(refusal, e);
      }
    }
    throw refusal != null
        ? refusal
        : new KernelException("Cannot plan fp8 attention of " + shape + ": cuDNN has no kernel");
  }

  private KernelException first(KernelException earlier, KernelException e) {
    LOG.debug("fp8 attention of {}: {}", shape, e.getMessage());
    return earlier != null ? earlier : e;
  }

  private List<Descriptor> configurations(Descriptor graph, int mode) {
    Descriptor heuristics =
        descriptors
            .create(cudnn.CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, "heuristics of fp8 attention")
            .descriptors(cudnn.CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph)
            .constant(cudnn.CUDNN_ATTR_ENGINEHEUR_MODE, cudnn.CUDNN_TYPE_HEUR_MODE, mode)
            .finish();
    List<Descriptor> found = new ArrayList<>();
    int count = heuristics.count(cudnn.CUDNN_ATTR_ENGINEHEUR_RESULTS);
    for (int i = 0; i < count; i++) {
      found.add(
          descriptors.create(
              cudnn.CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, "an engine's configuration"));
    }
    return found.isEmpty()
        ? found
        : found.subList(0, heuristics.read(cudnn.CUDNN_ATTR_ENGINEHEUR_RESULTS, found));
  }

  private Descriptor e4m3(long id, String name, long[] sizes, long[] strides) {
    return tensor(id, name, cudnn.CUDNN_DATA_FP8_E4M3, sizes, strides, false, false);
  }

  /** A single float32. */
  private Descriptor number(long id, boolean ofHost) {
    long[] ones = dims(1, 1, 1, 1);
    return tensor(id, "number " + id, cudnn.CUDNN_DATA_FLOAT, ones, ones, false, ofHost);
  }

  /** A float32 tensor {@code [1, H, rows, columns]} that is never stored. */
  private Descriptor virtual(long heads, long rows, long columns) {
    return tensor(
        nextTensor++,
        "an intermediate result",
        cudnn.CUDNN_DATA_FLOAT,
        dims(1, heads, rows, columns),
        dims(heads * rows * columns, rows * columns, columns, 1),
        true,
        false);
  }

  private Descriptor tensor(
      long id,
      String name,
      int type,
      long[] sizes,
      long[] strides,
      boolean virtual,
      boolean ofHost) {
    Descriptor tensor =
        descriptors
            .create(cudnn.CUDNN_BACKEND_TENSOR_DESCRIPTOR, name)
            .constant(cudnn.CUDNN_ATTR_TENSOR_DATA_TYPE, cudnn.CUDNN_TYPE_DATA_TYPE, type)
            .int64(cudnn.CUDNN_ATTR_TENSOR_DIMENSIONS, sizes)
            .int64(cudnn.CUDNN_ATTR_TENSOR_STRIDES, strides)
            .int64(cudnn.CUDNN_ATTR_TENSOR_UNIQUE_ID, id)
            .int64(cudnn.CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, ALIGNMENT);
    if (virtual) {
      tensor.bool(cudnn.CUDNN_ATTR_TENSOR_IS_VIRTUAL, true);
    }
    if (ofHost) {
      tensor.bool(cudnn.CUDNN_ATTR_TENSOR_IS_BY_VALUE, true);
    }
    return tensor.finish();
  }

  private Descriptor matmul(Descriptor a, Descriptor b, Descriptor c) {
    Descriptor how =
        descriptors
            .create(cudnn.CUDNN_BACKEND_MATMUL_DESCRIPTOR, "a product")
            .constant(
                cudnn.CUDNN_ATTR_MATMUL_COMP_TYPE,
                cudnn.CUDNN_TYPE_DATA_TYPE,
                cudnn.CUDNN_DATA_FLOAT)
            .finish();
    return descriptors
        .create(cudnn.CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR, "the operation of a product")
        .descriptors(cudnn.CUDNN_ATTR_OPERATION_MATMUL_ADESC, a)
        .descriptors(cudnn.CUDNN_ATTR_OPERATION_MATMUL_BDESC, b)
        .descriptors(cudnn.CUDNN_ATTR_OPERATION_MATMUL_CDESC, c)
        .descriptors(cudnn.CUDNN_ATTR_OPERATION_MATMUL_DESC, how)
        .finish();
  }

  private Descriptor multiply(Descriptor x, Descriptor by, Descriptor out) {
    return pointwise(cudnn.CUDNN_POINTWISE_MUL, x, by, out);
  }

  /** An operation on each element; {@code other} may be null. */
  private Descriptor pointwise(int mode, Descriptor x, Descriptor other, Descriptor out) {
    Descriptor how =
        descriptors
            .create(cudnn.CUDNN_BACKEND_POINTWISE_DESCRIPTOR, "pointwise mode " + mode)
            .constant(cudnn.CUDNN_ATTR_POINTWISE_MODE, cudnn.CUDNN_TYPE_POINTWISE_MODE, mode)
            .constant(
                cudnn.CUDNN_ATTR_POINTWISE_MATH_PREC,
                cudnn.CUDNN_TYPE_DATA_TYPE,
                cudnn.CUDNN_DATA_FLOAT)
            .finish();
    Descriptor operation =
        descriptors
            .create(
                cudnn.CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR,
                "the operation of pointwise mode " + mode)
            .descriptors(cudnn.CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, how)
            .descriptors(cudnn.CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x);
    if (other != null) {
      operation.descriptors(cudnn.CUDNN_ATTR_OPERATION_POINTWISE_BDESC, other);
    }
    return operation
        .descriptors(cudnn.CUDNN_ATTR_OPERATION_POINTWISE_YDESC, out)
        .float32(cudnn.CUDNN_ATTR_OPERATION_POINTWISE_ALPHA1, 1)
        .float32(cudnn.CUDNN_ATTR_OPERATION_POINTWISE_ALPHA2, 1)
        .finish();
  }

  private Descriptor reduce(int operator, Descriptor x, Descriptor out) {
    Descriptor how =
        descriptors
            .create(cudnn.CUDNN_BACKEND_REDUCTION_DESCRIPTOR, "reduction " + operator)
            .constant(
                cudnn.CUDNN_ATTR_REDUCTION_COMP_TYPE,
                cudnn.CUDNN_TYPE_DATA_TYPE,
                cudnn.CUDNN_DATA_FLOAT)
            .constant(
                cudnn.CUDNN_ATTR_REDUCTION_OPERATOR,
                cudnn.CUDNN_TYPE_REDUCTION_OPERATOR_TYPE,
                operator)
            .finish();
    return descriptors
        .create(
            cudnn.CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR,
            "the operation of reduction " + operator)
        .descriptors(cudnn.CUDNN_ATTR_OPERATION_REDUCTION_DESC, how)
        .descriptors(cudnn.CUDNN_ATTR_OPERATION_REDUCTION_XDESC, x)
        .descriptors(cudnn.CUDNN_ATTR_OPERATION_REDUCTION_YDESC, out)
        .finish();
  }

  private static long[] dims(long... sizes) {
    return sizes;
  }
}
