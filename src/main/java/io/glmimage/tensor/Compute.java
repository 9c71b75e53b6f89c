package io.glmimage.tensor;

import io.glmimage.error.DeviceException;
import java.util.OptionalLong;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.DeviceOptional;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.cuda.CUDAStream;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.bytedeco.pytorch.global.torch_cuda;

/**
 * The device of a network, and the numbers it computes in.
 *
 * @param device {@code "cpu"} or {@code "cuda:N"}
 * @param dtype of weights and activations; by default float32 on a CPU, bfloat16 on a GPU
 * @param precision of the large matrix products, in networks that support several
 */
public record Compute(String device, ScalarType dtype, Precision precision) {
  /** GPU memory that is not libtorch's: the CUDA context, and the code of kernels. */
  public static final long OUTSIDE_ALLOCATOR = 1_000_000_000L;

  /**
   * The most by which {@link #memoryOutside} changes without other programs: the driver and CUDA's
   * libraries do not allocate all at once.
   */
  public static final long OUTSIDE_CHANGE = 2L << 30;

  /** All products are in {@code dtype}. */
  public Compute(String device, ScalarType dtype) {
    this(device, dtype, Precision.AUTO);
  }

  /** The CPU in float32, in which the parity fixtures are made. */
  public static Compute cpu() {
    return new Compute("cpu", ScalarType.Float);
  }

  /**
   * No device: tensors have shapes and dtypes but no values (libtorch's device {@code meta}). For
   * checking what a network would load.
   */
  public static Compute meta(ScalarType dtype) {
    return new Compute("meta", dtype);
  }

  /** Whether tensors have values: false for {@link #meta}. */
  public boolean hasData() {
    return !device.equals("meta");
  }

  /** GPU {@code index} in bfloat16. */
  public static Compute cuda(int index) {
    return new Compute("cuda:" + index, ScalarType.BFloat16);
  }

  /** As {@link #of(DeviceName)}, by the name's text. */
  public static Compute of(String name) {
    return of(DeviceName.parse(name));
  }

  /**
   * The device of that name, in its default dtype. {@code auto} is the first GPU if libtorch can
   * use one, else the CPU; {@code cuda} is the first GPU.
   *
   * @throws DeviceException if {@code name} asks for a GPU that libtorch cannot use
   */
  public static Compute of(DeviceName name) {
    Libtorch.load();
    if (name.equals(DeviceName.CPU)
        || (name.equals(DeviceName.AUTO) && !Libtorch.cudaAvailable())) {
      return cpu();
    }
    int index = Math.max(0, name.index());
    int devices = Libtorch.cudaDevices();
    if (index >= devices) {
      throw new DeviceException(
          "Cannot use "
              + name
              + ": "
              + (devices == 0
                  ? CudaAdvice.of(Libtorch.cudaProblem())
                  : "libtorch sees " + devices + " GPU(s), numbered from 0"));
    }
    return cuda(index);
  }

  /**
   * GPU {@code index} in float32 without TF32, which is as exact as the CPU. For tests: TF32 is
   * switched off for the whole process.
   */
  public static Compute cudaFloat32(int index) {
    Libtorch.load();
    torch.globalContext().setAllowTF32CuBLAS(false);
    torch.globalContext().setAllowTF32CuDNN(false);
    return new Compute("cuda:" + index, ScalarType.Float);
  }

  /** The same device and dtype with another precision. */
  public Compute withPrecision(Precision other) {
    return new Compute(device, dtype, other);
  }

  /** Bytes of GPU memory that this process has reserved for tensors; 0 on the CPU. */
  public long deviceMemoryBytes() {
    return isCuda() ? Libtorch.reservedBytes(gpuIndex()) : 0;
  }

  /** Bytes of this GPU's memory that no process has reserved; empty on the CPU. */
  public OptionalLong freeDeviceMemory() {
    if (!isCuda()) {
      return OptionalLong.empty();
    }
    makeCurrent();
    return OptionalLong.of(Libtorch.gpuMemoryFree());
  }

  /** Bytes of this GPU's memory; empty on the CPU. */
  public OptionalLong totalDeviceMemory() {
    if (!isCuda()) {
      return OptionalLong.empty();
    }
    makeCurrent();
    return OptionalLong.of(Libtorch.gpuMemoryTotal());
  }

  /**
   * Bytes of this GPU's memory in use outside this process's allocator: by other programs, by the
   * driver and by CUDA's libraries; 0 on the CPU.
   */
  public long memoryOutside() {
    if (!isCuda()) {
      return 0;
    }
    makeCurrent();
    return Libtorch.gpuMemoryInUse() - deviceMemoryBytes();
  }

  /**
   * Returns memory that libtorch has cached to the GPU, so that allocations of another size find
   * room, and that of the process's other GPUs with it. Waits for them, also for the end of their
   * recordings. Does nothing for the CPU, and while the calling thread records.
   */
  public void releaseCachedMemory() {
    if (isCuda()) {
      GraphRecordings.ofProcess().outside(() -> torch_cuda.getAllocator().emptyCache());
    }
  }

  /**
   * Limits the GPU memory of this process. The CUDA context and libraries take {@link
   * #OUTSIDE_ALLOCATOR} of it, tensors the rest. Does nothing for the CPU.
   *
   * @param bytes 0 for no limit
   */
  public void limitMemory(long bytes) {
    if (isCuda()) {
      try (TensorScope scope = new TensorScope()) {
        // libtorch knows the GPU from its first tensor on.
        Ops.empty(this, 1);
      }
      long tensors = tensorLimit(bytes);
      double total = totalDeviceMemory().orElseThrow();
      torch_cuda
          .getAllocator()
          .setMemoryFraction(bytes == 0 ? 1 : Math.min(1, tensors / total), (byte) gpuIndex());
    }
  }

  private static long tensorLimit(long bytes) {
    return Math.max(bytes - OUTSIDE_ALLOCATOR, bytes / 2);
  }

  /**
   * Whether the limit of {@link #limitMemory}, and not what other programs leave free, decides how
   * much this process can still allocate. False on the CPU.
   *
   * @param bytes the limit; 0 for none
   */
  public boolean limitDecides(long bytes) {
    return isCuda()
        && bytes > 0
        && deviceMemoryBytes() + freeDeviceMemory().orElseThrow() >= tensorLimit(bytes);
  }

  /**
   * The number of failed allocations so far, including those that libtorch recovered from; 0 for
   * the CPU.
   */
  public long shortages() {
    return isCuda() ? Libtorch.shortages(gpuIndex()) : 0;
  }

  public Compute {
    Libtorch.load();
  }

  public boolean isCuda() {
    return device.startsWith("cuda");
  }

  /** The GPU's index, or -1 for the CPU. */
  public int gpuIndex() {
    return isCuda() ? Integer.parseInt(device.substring(device.indexOf(':') + 1)) : -1;
  }

  /**
   * Makes this GPU the calling thread's current one. CUDA kernels and memory queries use the
   * current GPU. Does nothing for the CPU.
   */
  public void makeCurrent() {
    if (isCuda()) {
      torch_cuda.set_device((byte) gpuIndex());
    }
  }

  /** Waits until the GPU has finished the calling thread's work. Does nothing for the CPU. */
  public void awaitStream() {
    if (isCuda()) {
      try (CUDAStream stream = torch_cuda.getCurrentCUDAStream((byte) gpuIndex())) {
        stream.synchronize();
      }
    }
  }

  /**
   * Whether the GPU still answers this process, after it has finished all work. After a sticky CUDA
   * error, such as an illegal address, it does not until the process ends. Always true for the CPU.
   */
  public boolean isUsable() {
    return !isCuda() || Libtorch.answers(gpuIndex());
  }

  /** A new native device handle, of the caller's scope. */
  public Device torchDevice() {
    return new Device(device);
  }

  /** Options for a new tensor of this device and dtype, of the caller's scope. */
  public TensorOptions options() {
    return options(dtype);
  }

  /** Options for a new tensor of this device and another dtype, of the caller's scope. */
  public TensorOptions options(ScalarType type) {
    // The constructor with a ScalarTypeOptional ignores it and gives float32.
    return new TensorOptions()
        .dtype(new ScalarTypeOptional(type))
        .device(new DeviceOptional(torchDevice()));
  }
}
