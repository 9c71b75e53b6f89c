package io.glmimage.model.prior;

import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;

/**
 * Keys and values of every layer: {@code [S, C, G, D]} each (slots, capacity, key/value heads, head
 * width). A token's heads lie side by side, so that a token is written as one contiguous row of
 * {@code [S * C, G * D]} under one index for keys and values, of a prompt as of a decoding step; a
 * head's keys are then read with stride G D, in runs of D.
 *
 * <p>Starts at zero: masked attention over unused cells must meet finite numbers.
 */
final class KvCache implements AutoCloseable {
  private final List<Tensor> keys = new ArrayList<>();
  private final List<Tensor> values = new ArrayList<>();

  KvCache(TextConfig config, Compute compute, int slots, int capacity) {
    TensorOptions options = compute.options();
    try {
      for (int i = 0; i < config.layers(); i++) {
        keys.add(make(options, slots, capacity, config));
        values.add(make(options, slots, capacity, config));
      }
    } catch (RuntimeException e) {
      // Out of device memory, most likely: hand back what was had.
      close();
      throw e;
    }
  }

  private static Tensor make(TensorOptions options, int slots, int capacity, TextConfig config) {
    Tensor t = Ops.zeros(options, slots, capacity, config.kvHeads(), config.headDim());
    t.retainReference();
    return t;
  }

  Tensor keys(int layer) {
    return keys.get(layer);
  }

  Tensor values(int layer) {
    return values.get(layer);
  }

  @Override
  public void close() {
    keys.forEach(Tensor::releaseReference);
    values.forEach(Tensor::releaseReference);
    keys.clear();
    values.clear();
  }
}
