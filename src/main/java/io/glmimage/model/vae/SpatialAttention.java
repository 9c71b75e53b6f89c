package io.glmimage.model.vae;

import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import io.glmimage.weights.Weights;
import org.bytedeco.pytorch.Tensor;

/**
 * Self-attention over all N = H W positions of {@code [B, C, H, W]} with one head of width C, added
 * to its input.
 *
 * <p>Ported from diffusers src/diffusers/models/attention_processor.py, Attention with group norm
 * and residual connection (commit 58eb52c). Deviations: none.
 */
final class SpatialAttention {
  private final Norm norm;
  private final Linear query;
  private final Linear key;
  private final Linear value;
  private final Linear out;

  private record Linear(Tensor weight, Tensor bias) {
    static Linear of(Weights weights, String name, int channels) {
      return new Linear(
          weights.get(name + ".weight", channels, channels), weights.get(name + ".bias", channels));
    }

    Tensor forward(Tensor x) {
      return Ops.linear(x, weight, bias);
    }
  }

  SpatialAttention(Weights weights, int channels, Layers layers) {
    norm = layers.norm(weights, "group_norm", channels);
    query = Linear.of(weights, "to_q", channels);
    key = Linear.of(weights, "to_k", channels);
    value = Linear.of(weights, "to_v", channels);
    out = Linear.of(weights, "to_out.0", channels);
  }

  Tensor forward(Tensor x) {
    try (TensorScope scope = new TensorScope()) {
      // [B, C, H, W] -> [B, N, C] -> [B, 1, N, C]
      Tensor tokens = norm.forward(x).flatten(2, 3).transpose(1, 2).unsqueeze(1);
      Tensor attended =
          Ops.attention(
              query.forward(tokens),
              key.forward(tokens),
              value.forward(tokens),
              /* mask= */ null,
              /* causal= */ false,
              /* grouped= */ false);
      // [B, 1, N, C] -> [B, C, N] -> [B, C, H, W]
      Tensor image = out.forward(attended).squeeze(1).transpose(1, 2).reshape(Ops.shape(x));
      // The sum is arranged in memory as its first term.
      return scope.keep(x.add(image));
    }
  }
}
