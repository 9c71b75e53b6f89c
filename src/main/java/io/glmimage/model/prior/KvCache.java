package io.glmimage.model.prior;

import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.OwnedTensors;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * Keys and values of every layer: {@code [S, C, G, D]} each (slots, capacity, key/value heads, head
 * width). The heads of a token are adjacent, so that a token is written as one contiguous row of
 * {@code [S * C, G * D]}. The same index serves keys and values, prompts and decoding steps. The
 * keys of one head are read with stride G D, in runs of D.
 *
 * <p>Starts at zero, because masked attention over unused cells must read finite numbers.
 */
final class KvCache implements AutoCloseable {
  private final OwnedTensors owned = new OwnedTensors();
  private final List<Tensor> keys = new ArrayList<>();
  private final List<Tensor> values = new ArrayList<>();

  KvCache(TextConfig config, Compute compute, int slots, int capacity) {
    AttentionConfig heads = config.attention();
    try {
      for (int i = 0; i < config.layers(); i++) {
        for (List<Tensor> tensors : List.of(keys, values)) {
          tensors.add(
              owned.own(
                  Ops.zeros(compute.options(), slots, capacity, heads.kvHeads(), heads.headDim())));
        }
      }
    } catch (RuntimeException e) {
      // Probably out of device memory: free the layers that were allocated.
      close();
      throw e;
    }
  }

  /** Number of values of a cache. */
  static long values(TextConfig config, int slots, int capacity) {
    AttentionConfig heads = config.attention();
    return 2L * config.layers() * slots * capacity * heads.kvHeads() * heads.headDim();
  }

  /** {@code [S, C, G, D]}. */
  Tensor keys(int layer) {
    return keys.get(layer);
  }

  /** {@code [S, C, G, D]}. */
  Tensor values(int layer) {
    return values.get(layer);
  }

  @Override
  public void close() {
    owned.close();
  }
}
