package io.glmimage.tensor;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * Tensors that live as long as one object: a picture's buffers, the views of them that every step
 * uses. Closing frees them all; closing again does nothing.
 */
public final class OwnedTensors implements AutoCloseable {
  private final List<Tensor> tensors = new ArrayList<>();

  /**
   * Lets {@code tensor} outlive the scope that it was made in.
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
