package io.glmimage.tensor;

import io.glmimage.error.DeviceException;
import java.util.Locale;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerPointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Host memory that a device copies from. For a GPU it is pinned, so that copies are asynchronous,
 * and exactly as large as asked for: libtorch's own pinned memory is rounded up to a power of two.
 */
public final class HostBuffer implements AutoCloseable {
  private final Tensor bytes;

  /** Null on the CPU, where libtorch owns the memory. */
  private final Pointer pinned;

  private HostBuffer(Tensor bytes, Pointer pinned) {
    this.bytes = bytes;
    this.pinned = pinned;
    bytes.retainReference();
  }

  /**
   * Allocates memory for copies to the device of {@code compute}.
   *
   * @throws DeviceException if the host cannot pin as much memory
   */
  public static HostBuffer allocate(Compute compute, long size) {
    try (TensorScope scope = new TensorScope()) {
      if (!compute.isCuda()) {
        return new HostBuffer(Ops.empty(ScalarType.Byte, size), null);
      }
      PointerPointer<Pointer> address = new PointerPointer<>(1);
      int code = cudart.cudaHostAlloc(address, size, cudart.cudaHostAllocPortable);
      if (code != cudart.cudaSuccess) {
        // Otherwise the next CUDA call would report this failure.
        cudart.cudaGetLastError();
        throw new DeviceException(
            String.format(
                Locale.ROOT,
                "Cannot pin %.1f GB of host memory for %s: %s; give the container or the machine"
                    + " more memory, or use a GPU that holds the whole model",
                size / 1e9,
                compute.device(),
                cudart.cudaGetErrorString(code).getString()));
      }
      Pointer pinned = address.get(Pointer.class, 0);
      pinned.retainReference();
      return new HostBuffer(
          torch.from_blob(pinned, new long[] {size}, Compute.cpu().options(ScalarType.Byte)),
          pinned);
    }
  }

  /** All bytes, {@code [size]} uint8. Belongs to this buffer. */
  public Tensor bytes() {
    return bytes;
  }

  /** Frees the memory. All copies must be done. */
  @Override
  public void close() {
    bytes.releaseReference();
    if (pinned != null) {
      int code = cudart.cudaFreeHost(pinned);
      pinned.releaseReference();
      if (code != cudart.cudaSuccess) {
        throw new IllegalStateException(
            "Cannot free pinned memory: " + cudart.cudaGetErrorString(code).getString());
      }
    }
  }
}
