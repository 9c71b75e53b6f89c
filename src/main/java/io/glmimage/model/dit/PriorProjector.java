package io.glmimage.model.dit;

import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import io.glmimage.weights.Weights;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Prior ids as vectors of the network's width D: embedding, then an MLP. A dropped id has a zero
 * embedding; the biases of the MLP still act on it.
 *
 * <p>Ported from diffusers src/diffusers/models/transformers/transformer_glm_image.py, the prior
 * part of GlmImageTransformer2DModel.forward (commit 58eb52c). Deviation: a prior that is dropped
 * as a whole is computed once, as a single row.
 */
final class PriorProjector {
  /** Stands for a dropped prior id. */
  static final int DROPPED = -1;

  private final Compute compute;
  private final int codebook;
  private final int width;
  private final Tensor embedding;
  private final Mlp mlp;

  /** {@code [1, D]}: the projection of a dropped prior id. */
  private final Tensor dropped;

  /**
   * Loads the weights.
   *
   * @param weights of the whole transformer
   */
  PriorProjector(Weights weights, DitConfig config) {
    compute = weights.compute();
    codebook = config.codebook();
    width = config.width();
    embedding = weights.get("prior_token_embedding.weight", codebook, width);
    Weights projector = weights.prefix("prior_projector.");
    mlp =
        new Mlp(
            Projection.load(projector, "net.0.proj", width, width),
            Projection.load(projector, "net.2", width, width));
    try (TensorScope scope = new TensorScope()) {
      dropped = weights.adopt(mlp.apply(Ops.zeros(compute.options(), 1, width), torch::silu));
    }
  }

  /** {@code [1, D]}: every row of a prior that is dropped as a whole. Owned by the weights. */
  Tensor dropped() {
    return dropped;
  }

  /**
   * Projects ids: {@code [I] -> [I, D]}.
   *
   * @param ids below the codebook size, or {@link #DROPPED}
   */
  Tensor project(int[] ids) {
    int[] rows = new int[ids.length];
    float[] keep = new float[ids.length];
    boolean anyDropped = false;
    for (int i = 0; i < ids.length; i++) {
      if (ids[i] < DROPPED || ids[i] >= codebook) {
        throw new IllegalArgumentException(
            "Invalid prior id: " + ids[i] + " at " + i + ", expected 0 to " + (codebook - 1));
      }
      boolean isDropped = ids[i] == DROPPED;
      anyDropped |= isDropped;
      rows[i] = isDropped ? 0 : ids[i];
      keep[i] = isDropped ? 0 : 1;
    }
    if (ids.length == 0) {
      return Ops.empty(compute, 0, width);
    }
    Tensor embedded =
        embedding.index_select(0, Ops.to(Ops.of(rows, ids.length), compute, ScalarType.Long));
    if (anyDropped) {
      embedded = embedded.mul_(Ops.to(Ops.of(keep, ids.length, 1), compute));
    }
    return mlp.apply(embedded, torch::silu);
  }
}
