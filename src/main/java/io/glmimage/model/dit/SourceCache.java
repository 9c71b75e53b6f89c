package io.glmimage.model.dit;

import io.glmimage.kernel.QkNormRotary.KeyValueRows;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.OwnedTensors;
import io.glmimage.tensor.TensorScope;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * The condition KV cache: keys and values of an image's sources in every layer, after norm and
 * rotation. Behind them is room for the tokens of the conditional sequence. A denoising step writes
 * its own keys and values there, so that attention reads one contiguous buffer. Owned by the caller
 * of {@link GlmImageTransformer#newCache}.
 *
 * <p>C source tokens, R = S + I tokens of the conditional sequence, H heads of width d: two buffers
 * {@code [C + R, H, d]} per layer, e4m3 if attention is.
 *
 * <p>Ported from diffusers src/diffusers/models/transformers/transformer_glm_image.py,
 * GlmImageKVCache (commit 58eb52c). Deviations: preallocated; no modes, because writing, reading
 * and skipping are different calls.
 */
public final class SourceCache implements AutoCloseable {
  private final OwnedTensors owned = new OwnedTensors();
  private final List<Tensor> keys = new ArrayList<>();
  private final List<Tensor> values = new ArrayList<>();
  private final int sourceTokens;
  private final int room;
  private int written;

  SourceCache(DitWeights weights, int sourceTokens, int room) {
    if (sourceTokens < 0 || room < 0) {
      throw new IllegalArgumentException(
          "Invalid source cache: " + sourceTokens + " source tokens, room for " + room);
    }
    this.sourceTokens = sourceTokens;
    this.room = room;
    long capacity = (long) sourceTokens + room;
    int layers = weights.config().layers();
    try (TensorScope scope = new TensorScope()) {
      for (int layer = 0; layer < layers; layer++) {
        keys.add(owned.own(empty(weights, capacity)));
        values.add(owned.own(empty(weights, capacity)));
      }
    } catch (RuntimeException e) {
      // Probably out of device memory: free the layers that were allocated.
      owned.close();
      throw e;
    }
  }

  private static Tensor empty(DitWeights weights, long rows) {
    DitConfig config = weights.config();
    return Ops.empty(
        weights.compute(), weights.attentionType(), rows, config.heads(), config.headDim());
  }

  /** C: the number of source tokens that the cache was made for. */
  public int sourceTokens() {
    return sourceTokens;
  }

  /** The number of source tokens written so far. */
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
