package io.glmimage.model.glyph;

import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * The position information of T5: a learned number per head and bucket of distances from query to
 * key, which is added to the attention scores. H heads, Q queries, K keys.
 *
 * <p>Formula: Raffel et al., "Exploring the limits of transfer learning with a unified text-to-text
 * transformer", 2020, section 2.1. Ported from transformers
 * src/transformers/models/t5/modeling_t5.py, T5Attention.compute_bias, bidirectional (5.17.0).
 * Deviations: none.
 */
final class RelativePositionBias {
  /** {@code [buckets, H]}. */
  private final Tensor table;

  private final int buckets;
  private final int maxDistance;
  private final Compute compute;

  RelativePositionBias(Tensor table, int buckets, int maxDistance, Compute compute) {
    this.table = table;
    this.buckets = buckets;
    this.maxDistance = maxDistance;
    this.compute = compute;
  }

  /** {@code [1, H, Q, K]} in the dtype of the table. */
  Tensor forward(int queries, int keys) {
    try (TensorScope scope = new TensorScope()) {
      // The bias depends on the distance only. There are Q + K - 1 distances; the most negative
      // first.
      long[] bucket = new long[queries + keys - 1];
      for (int i = 0; i < bucket.length; i++) {
        bucket[i] = bucket(i - (queries - 1));
      }
      Tensor ids = Ops.of(bucket, bucket.length).to(compute.torchDevice(), torch.ScalarType.Long);
      // [Q + K - 1, H] -> windows of K distances, one per query: [Q, H, K]
      Tensor windows = table.index_select(0, ids).unfold(0, keys, 1);
      // The last query sees the most negative distances: [Q, H, K] -> [1, H, Q, K]
      return scope.keep(windows.flip(0).permute(1, 0, 2).unsqueeze(0).contiguous());
    }
  }

  /** The bucket of a distance: key position minus query position. */
  int bucket(int distance) {
    int half = buckets / 2;
    int offset = distance > 0 ? half : 0;
    int steps = Math.abs(distance);
    // Half of a direction's buckets hold one distance each; the others grow logarithmically.
    int exact = half / 2;
    if (steps < exact) {
      return offset + steps;
    }
    // In float32, as in the reference: at the border of a bucket the rounding decides.
    float scaled =
        (float) Math.log((float) steps / exact)
            / (float) Math.log((double) maxDistance / exact)
            * (half - exact);
    return offset + Math.min(half - 1, exact + (int) scaled);
  }
}
