package io.glmimage.model.glyph;

import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * What T5 adds to attention scores instead of positions: a learned number for every head and bucket
 * of the distance from query to key. H heads, Q queries, K keys.
 *
 * <p>Source: Raffel et al., "Exploring the limits of transfer learning with a unified text-to-text
 * transformer", 2020, section 2.1; the buckets are those of its released code, both directions.
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
      // Only the distance counts: one number for each of the Q + K - 1, first the most negative.
      long[] bucket = new long[queries + keys - 1];
      for (int i = 0; i < bucket.length; i++) {
        bucket[i] = bucket(i - (queries - 1));
      }
      Tensor ids = Ops.of(bucket, bucket.length).to(compute.torchDevice(), torch.ScalarType.Long);
      // [Q + K - 1, H] -> windows of K, one for each start: [Q, H, K]
      Tensor windows = table.index_select(0, ids).unfold(0, keys, 1);
      // The last query sees the most negative distances: [Q, H, K] -> [1, H, Q, K]
      return scope.keep(windows.flip(0).permute(1, 0, 2).unsqueeze(0).contiguous());
    }
  }

  /** The bucket of key position - query position. */
  int bucket(int distance) {
    int half = buckets / 2;
    int offset = distance > 0 ? half : 0;
    int steps = Math.abs(distance);
    // Half of a direction's buckets hold one distance each, the others grow with its logarithm.
    int exact = half / 2;
    if (steps < exact) {
      return offset + steps;
    }
    // In float32 as the reference computes it: which bucket a distance at a border falls into
    // depends on the rounding.
    float scaled =
        (float) Math.log((float) steps / exact)
            / (float) Math.log((double) maxDistance / exact)
            * (half - exact);
    return offset + Math.min(half - 1, exact + (int) scaled);
  }
}
