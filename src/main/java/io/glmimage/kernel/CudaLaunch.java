package io.glmimage.kernel;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.bytedeco.cuda.cudart.CUfunc_st;
import org.bytedeco.cuda.cudart.CUmod_st;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerPointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.cuda.CUDAStream;
import org.bytedeco.pytorch.global.torch_cuda;

/**
 * One launch of one kernel on libtorch's current stream. A kernel takes one structure by value; its
 * fields are given in order, each at its natural alignment, as a C++ compiler lays them out:
 *
 * <pre>{@code
 * CudaLaunch.of(function).tensor(x).tensor(out).int32(rows).float32(eps).run(blocks, threads);
 * }</pre>
 *
 * <p>One launch at a time and thread: {@link #of} hands out the thread's own. Launching allocates
 * nothing on the device and waits for nothing, so it can be captured in a CUDA graph.
 */
final class CudaLaunch {
  private static final int CAPACITY = 1024;
  private static final ThreadLocal<CudaLaunch> OF_THREAD = ThreadLocal.withInitial(CudaLaunch::new);

  /** A kernel of a loaded module, on one device. */
  record Function(String name, int device, CUfunc_st handle, CUmod_st module) {}

  private final ByteBuffer structure;
  private final PointerPointer<BytePointer> parameters;
  private Function function;

  private CudaLaunch() {
    structure = ByteBuffer.allocateDirect(CAPACITY).order(ByteOrder.nativeOrder());
    // Whatever scope is open now must not free it: it serves every later launch of the thread.
    parameters = new PointerPointer<>(1);
    parameters.retainReference();
    parameters.put(0, new BytePointer(structure));
  }

  static CudaLaunch of(Function function) {
    CudaLaunch launch = OF_THREAD.get();
    launch.function = function;
    launch.structure.clear();
    return launch;
  }

  /** The address of a tensor's first element; null is a null pointer. */
  CudaLaunch tensor(Tensor t) {
    return address(t == null ? 0 : t.data_ptr().address());
  }

  CudaLaunch address(long address) {
    align(Long.BYTES);
    structure.putLong(address);
    return this;
  }

  CudaLaunch int32(long value) {
    align(Integer.BYTES);
    structure.putInt(Math.toIntExact(value));
    return this;
  }

  CudaLaunch int64(long value) {
    return address(value);
  }

  CudaLaunch float32(double value) {
    align(Float.BYTES);
    structure.putFloat((float) value);
    return this;
  }

  void run(long blocks, int threads) {
    run(blocks, 1, 1, threads);
  }

  /**
   * Launches.
   *
   * @throws KernelException when CUDA refuses, with its words
   */
  void run(long blocksX, long blocksY, long blocksZ, int threads) {
    byte device = (byte) function.device();
    byte before = torch_cuda.ExchangeDevice(device);
    try (CUDAStream stream = torch_cuda.getCurrentCUDAStream(device)) {
      int status =
          cudart.cuLaunchKernel(
              function.handle(),
              Math.toIntExact(blocksX),
              Math.toIntExact(blocksY),
              Math.toIntExact(blocksZ),
              threads,
              1,
              1,
              0,
              stream.stream(),
              parameters,
              null);
      if (status != cudart.CUDA_SUCCESS) {
        throw new KernelException(
            "Cannot launch "
                + function.name()
                + " with grid ["
                + blocksX
                + ", "
                + blocksY
                + ", "
                + blocksZ
                + "] of "
                + threads
                + " threads: "
                + message(status));
      }
    } finally {
      if (before != device) {
        torch_cuda.ExchangeDevice(before);
      }
    }
  }

  /** What CUDA calls a driver error. */
  static String message(int status) {
    try (PointerPointer<BytePointer> text = new PointerPointer<>(1)) {
      if (cudart.cuGetErrorString(status, text) != cudart.CUDA_SUCCESS) {
        return "CUDA error " + status;
      }
      return text.get(BytePointer.class, 0).getString() + " (CUDA error " + status + ")";
    }
  }

  private void align(int bytes) {
    structure.position((structure.position() + bytes - 1) / bytes * bytes);
  }
}
