package io.glmimage.model.dit;

import io.glmimage.tensor.Ops;
import io.glmimage.tensor.OwnedTensors;
import io.glmimage.tensor.TensorScope;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * The shift, scale and gate vectors of every norm, for all steps of a schedule. They depend on the
 * timestep and the target size only, so all branches of an image share them. One product per layer
 * serves {@link #WINDOW} steps. Owned by the caller of {@link GlmImageTransformer#modulation}.
 *
 * <p>A row of the table is {@code [layers, 6, 2, D]}, then {@code [2, 2, D]} for the final norm.
 * The six are shift, scale and gate of attention, then of the MLP. Each is for image and for text.
 *
 * <p>Ported from diffusers src/diffusers/models/transformers/transformer_glm_image.py, the linear
 * layers of GlmImageAdaLayerNormZero and GlmImageAdaLayerNormContinuous (commit 58eb52c).
 * Deviation: computed for many steps at once instead of in every step.
 */
public final class Modulation implements AutoCloseable {
  /** Steps whose vectors are kept at a time: 190 MB at 30 layers of width 4096 in bfloat16. */
  static final int WINDOW = 64;

  /** Vectors per layer and row kind, in the order of the layer's projection. */
  static final int PARAMETERS = 6;

  private final DitWeights weights;
  private final OwnedTensors owned = new OwnedTensors();
  private final Tensor embedding;
  private final int steps;
  private OwnedTensors window;
  private Tensor table;
  private int windowStart;

  /**
   * Takes over the conditioning vectors.
   *
   * @param embedding {@code [steps, E]}
   */
  Modulation(DitWeights weights, Tensor embedding) {
    this.weights = weights;
    this.embedding = owned.own(embedding);
    this.steps = Math.toIntExact(embedding.size(0));
  }

  /** Number of steps. */
  public int steps() {
    return steps;
  }

  /** {@code [steps, E]}. */
  Tensor embedding() {
    return embedding;
  }

  /**
   * The relative change of the conditioning vector from the previous step to each step: the sum of
   * absolute differences over the sum of absolute values. 0 for the first step. Waits for the
   * device.
   */
  double[] changes() {
    double[] changes = new double[steps];
    if (steps < 2) {
      return changes;
    }
    try (TensorScope scope = new TensorScope()) {
      Tensor all = embedding.to(ScalarType.Float);
      Tensor before = all.narrow(0, 0, steps - 1L);
      Tensor difference = all.narrow(0, 1, steps - 1L).sub(before).abs();
      // [steps - 1, E] -> [steps - 1]
      float[] relative = Ops.toFloats(difference.sum(1).div(before.abs().sum(1)));
      for (int i = 1; i < steps; i++) {
        changes[i] = relative[i - 1];
      }
    }
    return changes;
  }

  /** Values per row. */
  static long rowSize(DitConfig config) {
    return (config.layers() * (long) PARAMETERS + 2) * 2 * config.width();
  }

  /** The row of a step, {@code [rowSize]}, of the caller's scope. */
  Tensor row(int step) {
    if (step < 0 || step >= steps) {
      throw new IllegalArgumentException(
          "Invalid step: " + step + ", the schedule has " + steps + " steps");
    }
    if (table == null || step < windowStart || step >= windowStart + table.size(0)) {
      fill(step / WINDOW * WINDOW);
    }
    return table.select(0, step - windowStart);
  }

  private void fill(int start) {
    if (window != null) {
      window.close();
    }
    window = new OwnedTensors();
    windowStart = start;
    try (TensorScope scope = new TensorScope()) {
      long d = weights.config().width();
      List<TransformerBlock> blocks = weights.blocks();
      Tensor some = embedding.narrow(0, start, Math.min(WINDOW, steps - start));
      long count = some.size(0);
      table = window.own(some.new_empty(count, rowSize(weights.config())));
      long layer = PARAMETERS * 2 * d;
      for (int i = 0; i < blocks.size(); i++) {
        table.narrow(1, i * layer, layer).copy_(blocks.get(i).modulation().apply(some));
      }
      // The final norm matters for image rows only. Text rows get the same vectors, so that the
      // last block ends like the others. [count, 2 D] -> [count, 2, 1, D] -> [count, 2, 2, D]
      Tensor last =
          weights
              .finalNorm()
              .apply(some)
              .view(count, 2, 1, d)
              .expand(count, 2, 2, d)
              .reshape(count, 4 * d);
      table.narrow(1, blocks.size() * layer, 4 * d).copy_(last);
    }
  }

  /** Frees the vectors. */
  @Override
  public void close() {
    if (window != null) {
      window.close();
    }
    owned.close();
  }
}
