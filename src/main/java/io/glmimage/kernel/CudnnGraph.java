package io.glmimage.kernel;

import io.glmimage.kernel.CudnnDescriptors.Descriptor;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.LongStream;
import org.bytedeco.cuda.cudnn.cudnnContext;
import org.bytedeco.cuda.global.cudnn;
import org.bytedeco.javacpp.FloatPointer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A graph of operations in cuDNN's backend API, and the plan that cuDNN makes for it. Arithmetic is
 * in float32. Tensors in memory have numbers of the caller, by which {@link #run} finds them;
 * intermediate results get numbers here. Whoever owns the graph closes it.
 *
 * <p>H heads; intermediate results are {@code [1, H, rows, columns]}.
 */
final class CudnnGraph implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(CudnnGraph.class);

  private static final long ALIGNMENT = 16;

  /** Numbers of intermediate results begin here. */
  private static final long FIRST_INTERMEDIATE = 100;

  /** cuDNN's recommendations, the better ones first. */
  private static final int[] HEURISTICS = {
    cudnn.CUDNN_HEUR_MODE_A, cudnn.CUDNN_HEUR_MODE_B, cudnn.CUDNN_HEUR_MODE_FALLBACK
  };

  private final String name;
  private final CudnnDescriptors descriptors = new CudnnDescriptors();
  private final List<Descriptor> operations = new ArrayList<>();
  private long nextTensor = FIRST_INTERMEDIATE;

  /** Numbers of the host's memory by their tensors. Every run reads them at their addresses. */
  private final Map<Long, FloatPointer> constants = new LinkedHashMap<>();

  private Descriptor plan;
  private long workspaceBytes;

  private CudnnGraph(String name) {
    this.name = name;
  }

  /**
   * A graph with its plan. cuDNN compiles a kernel for it.
   *
   * @param name for messages, such as "attention of 32 heads"
   * @param build adds the operations
   * @throws KernelException if cuDNN has no kernel for it; says why
   */
  static CudnnGraph planned(cudnnContext handle, String name, Consumer<CudnnGraph> build) {
    CudnnGraph graph = new CudnnGraph(name);
    try {
      build.accept(graph);
      graph.plan = graph.plan(handle);
      graph.workspaceBytes = graph.plan.int64(cudnn.CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE);
      return graph;
    } catch (RuntimeException | Error e) {
      graph.close();
      throw e;
    }
  }

  @Override
  public void close() {
    descriptors.close();
    constants.values().forEach(FloatPointer::releaseReference);
    constants.clear();
  }

  /** Bytes of device memory that a run needs besides its tensors. */
  long workspaceBytes() {
    return workspaceBytes;
  }

  /**
   * Launches the kernel on the stream of {@code handle}.
   *
   * @param tensors the numbers of the tensors in device memory, without {@link #constant constants}
   * @param addresses where they are, in the same order
   * @param workspace address of {@link #workspaceBytes} bytes in device memory
   * @throws KernelException if cuDNN refuses
   */
  void run(cudnnContext handle, long[] tensors, long[] addresses, long workspace) {
    try (CudnnDescriptors call = new CudnnDescriptors()) {
      Descriptor pack =
          call.create(cudnn.CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, "arguments")
              .addresses(
                  cudnn.CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS,
                  LongStream.concat(
                          LongStream.of(addresses),
                          constants.values().stream().mapToLong(FloatPointer::address))
                      .toArray())
              .int64(
                  cudnn.CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS,
                  LongStream.concat(
                          LongStream.of(tensors),
                          constants.keySet().stream().mapToLong(Long::longValue))
                      .toArray())
              .addresses(cudnn.CUDNN_ATTR_VARIANT_PACK_WORKSPACE, workspace)
              .finish();
      CudnnDescriptors.check(
          cudnn.cudnnBackendExecute(handle, plan.handle(), pack.handle()), "run " + name);
    } finally {
      // The garbage collector frees the constants of a graph that nobody can reach.
      Reference.reachabilityFence(this);
    }
  }

  /** The first of cuDNN's recommendations that it can run. */
  private Descriptor plan(cudnnContext handle) {
    Descriptor graph =
        descriptors
            .create(cudnn.CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, "the graph of " + name)
            .descriptors(cudnn.CUDNN_ATTR_OPERATIONGRAPH_OPS, operations.toArray(Descriptor[]::new))
            .handle(cudnn.CUDNN_ATTR_OPERATIONGRAPH_HANDLE, handle)
            .finish();
    KernelException refusal = null;
    for (int mode : HEURISTICS) {
      try {
        for (Descriptor configuration : configurations(graph, mode)) {
          try {
            return descriptors
                .create(cudnn.CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, "a plan of " + name)
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
        : new KernelException("Cannot plan " + name + ": cuDNN has no kernel");
  }

  private KernelException first(KernelException earlier, KernelException e) {
    LOG.debug("{}: {}", name, e.getMessage());
    return earlier != null ? earlier : e;
  }

  private List<Descriptor> configurations(Descriptor graph, int mode) {
    Descriptor heuristics =
        descriptors
            .create(cudnn.CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, "heuristics of " + name)
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

  /** A single float32 in device memory. */
  Descriptor number(long id) {
    return number(id, false);
  }

  /** A single float32 that is the same in every run. */
  Descriptor constant(long id, float value) {
    FloatPointer memory = new FloatPointer(value);
    memory.retainReference();
    constants.put(id, memory);
    return number(id, true);
  }

  private Descriptor number(long id, boolean ofHost) {
    long[] ones = {1, 1, 1, 1};
    return tensor(id, "number " + id, cudnn.CUDNN_DATA_FLOAT, ones, ones, false, ofHost);
  }

  /** A tensor {@code [1, H, rows, width]} that is {@code [rows, H, width]} in memory. */
  Descriptor rows(long id, String what, int type, long heads, long rows, long width) {
    return tensor(
        id,
        what,
        type,
        new long[] {1, heads, rows, width},
        new long[] {rows * heads * width, width, heads * width, 1},
        false,
        false);
  }

  /** As {@link #rows}, transposed: {@code [1, H, width, rows]}. */
  Descriptor columns(long id, String what, int type, long heads, long rows, long width) {
    return tensor(
        id,
        what,
        type,
        new long[] {1, heads, width, rows},
        new long[] {rows * heads * width, width, 1, heads * width},
        false,
        false);
  }

  /** A float32 tensor {@code [1, H, rows, columns]} that is never stored. */
  Descriptor virtual(long heads, long rows, long columns) {
    return virtual(cudnn.CUDNN_DATA_FLOAT, heads, rows, columns);
  }

  /** As {@link #virtual(long, long, long)}, in another type. */
  Descriptor virtual(int type, long heads, long rows, long columns) {
    return tensor(
        nextTensor++,
        "an intermediate result",
        type,
        new long[] {1, heads, rows, columns},
        new long[] {heads * rows * columns, rows * columns, columns, 1},
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

  /** Adds the product {@code c = a b}. */
  void matmul(Descriptor a, Descriptor b, Descriptor c) {
    Descriptor how =
        descriptors
            .create(cudnn.CUDNN_BACKEND_MATMUL_DESCRIPTOR, "a product")
            .constant(
                cudnn.CUDNN_ATTR_MATMUL_COMP_TYPE,
                cudnn.CUDNN_TYPE_DATA_TYPE,
                cudnn.CUDNN_DATA_FLOAT)
            .finish();
    operations.add(
        descriptors
            .create(cudnn.CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR, "the operation of a product")
            .descriptors(cudnn.CUDNN_ATTR_OPERATION_MATMUL_ADESC, a)
            .descriptors(cudnn.CUDNN_ATTR_OPERATION_MATMUL_BDESC, b)
            .descriptors(cudnn.CUDNN_ATTR_OPERATION_MATMUL_CDESC, c)
            .descriptors(cudnn.CUDNN_ATTR_OPERATION_MATMUL_DESC, how)
            .finish());
  }

  /** Adds a product of elements. */
  void multiply(Descriptor x, Descriptor by, Descriptor out) {
    pointwise(cudnn.CUDNN_POINTWISE_MUL, x, by, out);
  }

  /** Adds an operation on each element; {@code other} may be null. */
  void pointwise(int mode, Descriptor x, Descriptor other, Descriptor out) {
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
    operations.add(
        operation
            .descriptors(cudnn.CUDNN_ATTR_OPERATION_POINTWISE_YDESC, out)
            .float32(cudnn.CUDNN_ATTR_OPERATION_POINTWISE_ALPHA1, 1)
            .float32(cudnn.CUDNN_ATTR_OPERATION_POINTWISE_ALPHA2, 1)
            .finish());
  }

  /** Adds a reduction of the last dimension, or of all where {@code out} is a number. */
  void reduce(int operator, Descriptor x, Descriptor out) {
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
    operations.add(
        descriptors
            .create(
                cudnn.CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR,
                "the operation of reduction " + operator)
            .descriptors(cudnn.CUDNN_ATTR_OPERATION_REDUCTION_DESC, how)
            .descriptors(cudnn.CUDNN_ATTR_OPERATION_REDUCTION_XDESC, x)
            .descriptors(cudnn.CUDNN_ATTR_OPERATION_REDUCTION_YDESC, out)
            .finish());
  }

  /**
   * Adds a softmax over the columns.
   *
   * @param scores {@code [1, H, rows, columns]} float32
   * @param weights the result, like the scores
   * @param logarithms whether the logarithms of the sums are computed, too
   */
  void softmax(
      long heads,
      long rows,
      long columns,
      Descriptor scores,
      Descriptor weights,
      boolean logarithms) {
    Descriptor largest = virtual(heads, rows, 1);
    reduce(cudnn.CUDNN_REDUCE_TENSOR_MAX, scores, largest);
    Descriptor below = virtual(heads, rows, columns);
    pointwise(cudnn.CUDNN_POINTWISE_SUB, scores, largest, below);
    Descriptor exponentials = virtual(heads, rows, columns);
    pointwise(cudnn.CUDNN_POINTWISE_EXP, below, null, exponentials);
    Descriptor sum = virtual(heads, rows, 1);
    reduce(cudnn.CUDNN_REDUCE_TENSOR_ADD, exponentials, sum);
    if (logarithms) {
      Descriptor logarithm = virtual(heads, rows, 1);
      pointwise(cudnn.CUDNN_POINTWISE_LOG, sum, null, logarithm);
      pointwise(cudnn.CUDNN_POINTWISE_ADD, largest, logarithm, virtual(heads, rows, 1));
    }
    pointwise(cudnn.CUDNN_POINTWISE_DIV, exponentials, sum, weights);
  }
}
