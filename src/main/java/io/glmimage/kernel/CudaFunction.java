package io.glmimage.kernel;

import org.bytedeco.cuda.cudart.CUfunc_st;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerPointer;
import org.bytedeco.pytorch.cuda.CUDAStream;
import org.bytedeco.pytorch.global.torch_cuda;

/** A kernel of a module that is loaded into GPU {@code device}. */
record CudaFunction(String name, int argumentBytes, int device, CUfunc_st handle)
    implements CudaLaunch.Kernel {
  @Override
  public void launch(long blocksX, long blocksY, long blocksZ, int threads, CudaLaunch arguments) {
    byte own = (byte) device;
    byte before = torch_cuda.ExchangeDevice(own);
    try (CUDAStream stream = torch_cuda.getCurrentCUDAStream(own)) {
      int status =
          cudart.cuLaunchKernel(
              handle,
              Math.toIntExact(blocksX),
              Math.toIntExact(blocksY),
              Math.toIntExact(blocksZ),
              threads,
              1,
              1,
              0,
              stream.stream(),
              arguments.parameters(),
              null);
      if (status != cudart.CUDA_SUCCESS) {
        throw new KernelException(
            "Cannot launch "
                + name
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
      if (before != own) {
        torch_cuda.ExchangeDevice(before);
      }
    }
  }

  /** CUDA's message for an error of the driver. */
  static String message(int status) {
    try (PointerPointer<BytePointer> text = new PointerPointer<>(1)) {
      if (cudart.cuGetErrorString(status, text) != cudart.CUDA_SUCCESS) {
        return "CUDA error " + status;
      }
      return text.get(BytePointer.class, 0).getString() + " (CUDA error " + status + ")";
    }
  }
}
