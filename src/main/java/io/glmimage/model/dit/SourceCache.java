package io.glmimage.model.dit;

import io.glmimage.kernel.QkNormRotary.KeyValueRows;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.OwnedTensors;
import io.glmimage.tensor.TensorScope;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * Keys and values of a picture's sources in every layer, after norm and rotation, with room behind
 * them for the tokens of the conditional sequence: a step writes its own keys and values there and
 * attention reads one contiguous buffer. Owned by whoever asked the network for it.
 *
 * <p>C source tokens, R = S + I tokens of the conditional sequence, H heads of d: two buffers
 * {@code [C + R, H, d]} a layer.
 */
public final class SourceCache implements AutoCloseable {
  private final OwnedTensors owned = new OwnedTensors();
  private final List<Tensor> keys = new ArrayList<>();
  private final List<Tensor> values = new ArrayList<>();
  private final int sourceTokens;
  private final int room;
  private int written;

  SourceCache(Compute compute, DitConfig config, int sourceTokens, int room) {
    if (sourceTokens < 0 || room < 0) {
      throw new IllegalArgumentException(
          "Invalid source cache: " + sourceTokens + " source tokens, room for " + room);
    }
    this.sourceTokens = sourceTokens;
    this.room = room;
    long capacity = (long) sourceTokens + room;
    try (TensorScope scope = new TensorScope()) {
      for (int layer = 0; layer < config.layers(); layer++) {
        keys.add(owned.own(Ops.empty(compute, capacity, config.heads(), config.headDim())));
        values.add(owned.own(Ops.empty(compute, capacity, config.heads(), config.headDim())));
      }
    }
  }

  /** C: how many source tokens it was made for. */
  public int sourceTokens() {
    return sourceTokens;
  }

  /** How many source tokens have been written. */
  public int written() {
    return written;
  }

  /** R. */
  int room() {
    return room;
  }

  void advance(int tokens) {
    written += tokens;
  }

  /** Rows {@code offset .. offset + rows} of a layer's buffers, of the caller's scope. */
  KeyValueRows rows(int layer, long offset, long rows) {
    return new KeyValueRows(
        keys.get(layer).narrow(0, offset, rows), values.get(layer).narrow(0, offset, rows));
  }

  @Override
  public void close() {
    owned.close();
  }
}
