package io.glmimage.kernel;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerPointer;
import org.bytedeco.pytorch.Tensor;

/**
 * One launch of one kernel. A kernel takes one structure by value. Its fields are given in order,
 * each at its natural alignment, as a C++ compiler lays them out:
 *
 * <pre>{@code
 * program.launch(entry).tensor(x).tensor(out).int32(rows).float32(eps).run(blocks, threads);
 * }</pre>
 *
 * <p>A thread prepares one launch at a time: {@link #of} returns the thread's own object. Launching
 * neither allocates device memory nor waits for the GPU, so a CUDA graph can capture it.
 */
final class CudaLaunch {
  private static final int CAPACITY = 1024;
  private static final ThreadLocal<CudaLaunch> OF_THREAD = ThreadLocal.withInitial(CudaLaunch::new);

  /** A kernel that can be launched. */
  interface Kernel {
    String name();

    /** {@code sizeof(Args)}: the size of the structure that the kernel takes. */
    int argumentBytes();

    /**
     * Launches on libtorch's current stream.
     *
     * @throws KernelException if CUDA refuses, with its message
     */
    void launch(long blocksX, long blocksY, long blocksZ, int threads, CudaLaunch arguments);
  }

  private final ByteBuffer structure;
  private final PointerPointer<BytePointer> parameters;
  private Kernel kernel;
  private int alignment;

  private CudaLaunch() {
    structure = ByteBuffer.allocateDirect(CAPACITY).order(ByteOrder.nativeOrder());
    // It serves every later launch of the thread, so the scope that is open now must not free it.
    parameters = new PointerPointer<>(1);
    parameters.retainReference();
    parameters.put(0, new BytePointer(structure));
  }

  static CudaLaunch of(Kernel kernel) {
    CudaLaunch launch = OF_THREAD.get();
    launch.kernel = kernel;
    launch.alignment = 1;
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

  /**
   * @throws ArithmeticException if the value does not fit in 32 bits
   */
  CudaLaunch int32(long value) {
    align(Integer.BYTES);
    structure.putInt(Math.toIntExact(value));
    return this;
  }

  CudaLaunch float32(double value) {
    align(Float.BYTES);
    structure.putFloat((float) value);
    return this;
  }

  /** As {@link #run(long, long, long, int)}, with a grid of one dimension. */
  void run(long blocks, int threads) {
    run(blocks, 1, 1, threads);
  }

  /**
   * Launches.
   *
   * @throws KernelException if the fields do not fill the kernel's structure, or CUDA refuses
   */
  void run(long blocksX, long blocksY, long blocksZ, int threads) {
    // A structure's size is a multiple of its largest field's alignment.
    align(alignment);
    if (structure.position() != kernel.argumentBytes()) {
      throw new KernelException(
          "Cannot launch "
              + kernel.name()
              + ": its structure Args has "
              + kernel.argumentBytes()
              + " bytes, the launch fills "
              + structure.position());
    }
    kernel.launch(blocksX, blocksY, blocksZ, threads, this);
  }

  /** What {@code cuLaunchKernel} takes: one pointer, to the structure. */
  PointerPointer<BytePointer> parameters() {
    return parameters;
  }

  /** A view of the structure as filled so far. */
  ByteBuffer structure() {
    return structure.duplicate().order(ByteOrder.nativeOrder()).flip();
  }

  private void align(int bytes) {
    alignment = Math.max(alignment, bytes);
    structure.position((structure.position() + bytes - 1) / bytes * bytes);
  }
}
