package io.glmimage.pipeline;

import io.glmimage.error.LostDeviceException;
import io.glmimage.kernel.FaultyKernels;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.GpuHog;
import java.io.IOException;
import java.io.UncheckedIOException;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;

/**
 * What goes wrong with a GPU in the middle of an edit. On the CPU, the loss of a device is made up.
 */
public enum DeviceFault {
  /** Nothing, to have images to compare with. */
  NONE {
    @Override
    void happen(Compute compute, Tensor activations) {}
  },
  /** A kernel writes to an illegal address, which poisons the process's CUDA context. */
  ILLEGAL_ADDRESS {
    @Override
    void happen(Compute compute, Tensor activations) {
      if (compute.isCuda()) {
        FaultyKernels.illegalAddress(compute.gpuIndex());
      } else {
        throw new LostDeviceException("Cannot continue: made up on the CPU: illegal address");
      }
    }
  },
  /** A kernel does not end. */
  ENDLESS_KERNEL {
    @Override
    void happen(Compute compute, Tensor activations) {
      if (compute.isCuda()) {
        FaultyKernels.endless(compute.gpuIndex());
      } else {
        throw new LostDeviceException("Cannot continue: made up on the CPU: no progress");
      }
    }
  },
  /** An activation is not a number. */
  NOT_A_NUMBER {
    @Override
    void happen(Compute compute, Tensor activations) {
      activations.fill_(new Scalar(Double.NaN));
    }
  },
  /** Another process takes all memory that is free, for a few seconds. */
  MEMORY_TAKEN {
    @Override
    void happen(Compute compute, Tensor activations) {
      if (compute.isCuda()) {
        compute.releaseCachedMemory();
        try {
          GpuHog.start(compute.gpuIndex(), 0, HOLD_SECONDS);
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        }
      }
    }
  };

  private static final int HOLD_SECONDS = 8;

  /**
   * @param activations of the layer that is about to run
   */
  abstract void happen(Compute compute, Tensor activations);
}
