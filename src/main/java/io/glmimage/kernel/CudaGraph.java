package io.glmimage.kernel;

import io.glmimage.tensor.DeviceFailure;
import io.glmimage.tensor.GraphRecordings;
import io.glmimage.tensor.TensorScope;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.bytedeco.cuda.cudart.CUgraphExec_st;
import org.bytedeco.cuda.cudart.CUgraph_st;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.cuda.CUDAStream;
import org.bytedeco.pytorch.cuda.DeviceAssertionsDataVectorCUDAKernelLaunchInfoVectorPair;
import org.bytedeco.pytorch.cuda.StreamFilter;
import org.bytedeco.pytorch.global.torch_cuda;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Work that is recorded once and then replayed as one launch. The work reads and writes tensors
 * that were made before it and outlive this object; its results are in them. It must launch the
 * same kernels on the same addresses in every run, and may not wait for the GPU.
 *
 * <p>The work's allocations come from a memory pool of the graph, which nothing else uses until
 * {@link #close}. If CUDA cannot record the work, every {@link #replay} runs it again, and the log
 * gives the reason. If memory runs out, the constructor throws libtorch's exception.
 *
 * <p>Not thread-safe: only one thread at a time may replay.
 */
public final class CudaGraph implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(CudaGraph.class);

  // libtorch numbers its own pools from 1. These numbers stay clear of them.
  private static final AtomicLong POOLS = new AtomicLong(1L << 40);

  /**
   * By GPU, the stream of all its recordings, which take turns. For every stream that was ever
   * used, libtorch keeps a workspace of 32 MB for matrix products.
   */
  private static final Map<Integer, CUDAStream> STREAMS = new ConcurrentHashMap<>();

  private final String name;
  private final int device;
  private final Runnable work;
  private final LongPointer pool;
  private CUgraphExec_st graph;

  /**
   * Runs {@code work} once on a separate stream, so that libraries create their workspaces, then
   * records it. Each run has its own scope.
   *
   * @param name for messages
   * @param device the GPU's index; negative for a CPU, where replays run the work
   */
  public CudaGraph(String name, int device, Runnable work) {
    this.name = name;
    this.device = device;
    this.work = work;
    if (device < 0) {
      pool = null;
      return;
    }
    pool = new LongPointer(2);
    pool.retainReference();
    pool.put(0, POOLS.incrementAndGet());
    pool.put(1, 0);
    byte before = torch_cuda.ExchangeDevice((byte) device);
    try (PointerScope scope = new PointerScope()) {
      CUDAStream current = torch_cuda.getCurrentCUDAStream((byte) device);
      CUDAStream own = STREAMS.computeIfAbsent(device, CudaGraph::newStream);
      synchronized (own) {
        current.synchronize();
        torch_cuda.setCurrentCUDAStream(own);
        try {
          runEagerly();
          own.synchronize();
          GraphRecordings.ofProcess().record(() -> record(own));
        } finally {
          torch_cuda.setCurrentCUDAStream(current);
        }
      }
    } finally {
      torch_cuda.ExchangeDevice(before);
    }
  }

  private static CUDAStream newStream(int device) {
    CUDAStream stream = torch_cuda.getStreamFromPool(/* isHighPriority= */ false, (byte) device);
    stream.retainReference();
    return stream;
  }

  /** Whether a replay is one launch. */
  public boolean recorded() {
    return graph != null;
  }

  /**
   * Replays the work on the thread's current stream.
   *
   * @throws KernelException if CUDA refuses
   */
  public void replay() {
    if (graph == null) {
      runEagerly();
      return;
    }
    try (CUDAStream stream = torch_cuda.getCurrentCUDAStream((byte) device)) {
      int status = cudart.cudaGraphLaunch(graph, stream.stream());
      if (status != cudart.cudaSuccess) {
        throw new KernelException("Cannot replay the CUDA graph of " + name + ": " + text(status));
      }
    }
  }

  /** Frees the graph and its memory pool, after the replays that are still running. */
  @Override
  public void close() {
    if (graph != null) {
      // The calling thread's current GPU may be another one.
      byte before = torch_cuda.ExchangeDevice((byte) device);
      try {
        torch_cuda.device_synchronize();
        cudart.cudaGraphExecDestroy(graph);
        graph.releaseReference();
        graph = null;
        releasePool();
      } finally {
        torch_cuda.ExchangeDevice(before);
      }
    }
  }

  private void runEagerly() {
    try (TensorScope scope = new TensorScope()) {
      work.run();
    }
  }

  private void record(CUDAStream stream) {
    Thread recording = Thread.currentThread();
    StreamFilter recorded =
        new StreamFilter() {
          // Allocations of other threads don't use the graph's pool.
          @Override
          public boolean call(Pointer anyStream) {
            return Thread.currentThread() == recording;
          }
        };
    torch_cuda.beginAllocateToPool((byte) device, poolId(), recorded);
    CUgraph_st captured = new CUgraph_st();
    RuntimeException failure = null;
    int status =
        cudart.cudaStreamBeginCapture(stream.stream(), cudart.cudaStreamCaptureModeRelaxed);
    if (status == cudart.cudaSuccess) {
      try {
        runEagerly();
      } catch (RuntimeException e) {
        failure = e;
      }
      status = cudart.cudaStreamEndCapture(stream.stream(), captured);
    }
    torch_cuda.endAllocateToPool((byte) device, poolId());
    if (failure == null && status == cudart.cudaSuccess) {
      CUgraphExec_st instance = new CUgraphExec_st();
      status = cudart.cudaGraphInstantiate(instance, captured);
      if (status == cudart.cudaSuccess) {
        instance.retainReference();
        graph = instance;
      }
    }
    if (!captured.isNull()) {
      cudart.cudaGraphDestroy(captured);
    }
    if (graph == null) {
      // A failed recording leaves an error that the next call would report as its own.
      cudart.cudaGetLastError();
      releasePool();
      RuntimeException problem = failure != null ? failure : new KernelException(text(status));
      if (DeviceFailure.isOutOfMemory(problem)) {
        throw problem;
      }
      LOG.warn(
          "Cannot record {} as a CUDA graph: {}; launching its operations separately",
          name,
          problem.getMessage());
    }
  }

  private void releasePool() {
    torch_cuda.getAllocator().releasePool((byte) device, poolId());
  }

  /** The two numbers that identify a pool, in the type that the binding uses for them. */
  private DeviceAssertionsDataVectorCUDAKernelLaunchInfoVectorPair poolId() {
    return new DeviceAssertionsDataVectorCUDAKernelLaunchInfoVectorPair(pool);
  }

  private static String text(int status) {
    return cudart.cudaGetErrorString(status).getString() + " (CUDA error " + status + ")";
  }
}
