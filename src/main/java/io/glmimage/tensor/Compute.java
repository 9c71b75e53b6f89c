package io.glmimage.tensor;

import io.glmimage.error.DeviceException;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.DeviceOptional;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.cuda.CUDAStream;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.bytedeco.pytorch.global.torch_cuda;

/**
 * Where and how a network computes.
 *
 * @param device {@code "cpu"} or {@code "cuda:N"}
 * @param dtype the dtype of weights and activations: float32 on a CPU, bfloat16 on a GPU unless
 *     asked otherwise
 * @param precision what the large products of networks that offer a choice compute in
 */
public record Compute(String device, ScalarType dtype, Precision precision) {
  /** Without a choice of precision: everything in {@code dtype}. */
  public Compute(String device, ScalarType dtype) {
    this(device, dtype, Precision.AUTO);
  }

  /** The CPU in float32: what the parity fixtures are measured in. */
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

  /** GPU {@code index} in bfloat16. */
  public static Compute cuda(int index) {
    return new Compute("cuda:" + index, ScalarType.BFloat16);
  }

  /**
   * The device that {@code name} stands for, in its usual dtype.
   *
   * @param name {@code "cpu"}, {@code "cuda:N"}, {@code "cuda"} (the first GPU), or {@code "auto"}:
   *     the first GPU where there is one that libtorch can use, else the CPU
   * @throws DeviceException if a GPU was asked for and libtorch cannot use it
   */
  public static Compute of(String name) {
    Libtorch.load();
    if (name.equals("cpu") || (name.equals("auto") && !Libtorch.cudaAvailable())) {
      return cpu();
    }
    int index = name.startsWith("cuda:") ? Integer.parseInt(name.substring(5)) : 0;
    if (!name.equals("auto") && !name.equals("cuda") && !name.startsWith("cuda:")) {
      throw new IllegalArgumentException(
          "Invalid device: " + name + ", expected auto, cpu, cuda or cuda:N");
    }
    if (index >= Libtorch.cudaDevices()) {
      int devices = Libtorch.cudaDevices();
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
   * GPU {@code index} in float32 with TF32 switched off: as exact as the CPU, for checking. The
   * switch holds for the whole process.
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

  /** Bytes of GPU memory that tensors here have taken; 0 on the CPU. */
  public long deviceMemoryBytes() {
    return isCuda() ? Libtorch.reservedBytes(gpuIndex()) : 0;
  }

  /**
   * Gives memory that libtorch keeps for the next tensor back to the GPU, so that an allocation of
   * another size finds room; nothing happens for the CPU. Waits for the GPU.
   */
  public void releaseCachedMemory() {
    if (isCuda()) {
      torch_cuda.getAllocator().emptyCache();
    }
  }

  /**
   * How often an allocation has failed so far, also where libtorch then went another way; 0 for the
   * CPU.
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
   * Makes the GPU the calling thread's current one, which kernels of our own and memory queries
   * take; nothing happens for the CPU.
   */
  public void makeCurrent() {
    if (isCuda()) {
      torch_cuda.set_device((byte) gpuIndex());
    }
  }

  /** Waits until the GPU has done what the calling thread gave it; nothing happens for the CPU. */
  public void awaitStream() {
    if (isCuda()) {
      try (CUDAStream stream = torch_cuda.getCurrentCUDAStream((byte) gpuIndex())) {
        stream.synchronize();
      }
    }
  }

  /** A new native device handle; it belongs to the caller's scope. */
  public Device torchDevice() {
    return new Device(device);
  }

  /** Options for a new tensor of this device and dtype; they belong to the caller's scope. */
  public TensorOptions options() {
    return options(dtype);
  }

  /**
   * Options for a new tensor of this device and another dtype; they belong to the caller's scope.
   */
  public TensorOptions options(ScalarType type) {
    // The constructor that takes a ScalarTypeOptional gives float32: set it afterwards.
    return new TensorOptions()
        .dtype(new ScalarTypeOptional(type))
        .device(new DeviceOptional(torchDevice()));
  }
}
