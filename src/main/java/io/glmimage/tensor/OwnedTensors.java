package io.glmimage.tensor;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * Tensors with the lifetime of one object, such as the buffers of one edit and their views. Closing
 * frees all of them; closing again does nothing.
 */
public final class OwnedTensors implements AutoCloseable {
  private final List<Tensor> tensors = new ArrayList<>();

  /**
   * Lets {@code tensor} outlive the scope in which it was made.
   *
   * @return {@code tensor}
   */
  public Tensor own(Tensor tensor) {
    tensor.retainReference();
    tensors.add(tensor);
    return tensor;
  }

  @Override
  public void close() {
    tensors.forEach(Tensor::releaseReference);
    tensors.clear();
  }
}
