package io.glmimage.model.dit;

import io.glmimage.tensor.Ops;
import io.glmimage.tensor.OwnedTensors;
import io.glmimage.tensor.TensorScope;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * What timestep and target size say to every norm and gate of the network, for all steps of a
 * schedule: one product a layer serves {@link #WINDOW} steps. Shared by the sequences of a picture.
 * Owned by whoever asked the network for it.
 *
 * <p>A row of the table is {@code [layers, 6, 2, D]}, then {@code [2, 2, D]} of the final norm:
 * shift, scale and gate of attention, the same of the MLP, each for image and for text.
 */
public final class Modulation implements AutoCloseable {
  /** Steps whose vectors are kept at a time: at 30 layers of 4096 in bfloat16, 190 MB. */
  static final int WINDOW = 64;

  /** Parameters of a layer, in the order in which its projection gives them. */
  static final int PARAMETERS = 6;

  private final DitConfig config;
  private final List<TransformerBlock> blocks;
  private final Tensor finalWeight;
  private final Tensor finalBias;
  private final OwnedTensors owned = new OwnedTensors();
  private final Tensor embedding;
  private final int steps;
  private final int height;
  private final int width;
  private OwnedTensors window;
  private Tensor table;
  private int windowStart;

  /**
   * @param embedding {@code [steps, E]}
   * @param finalWeight {@code [2 D, E]}: scale, then shift
   */
  Modulation(
      DitConfig config,
      List<TransformerBlock> blocks,
      Tensor finalWeight,
      Tensor finalBias,
      Tensor embedding,
      int height,
      int width) {
    this.config = config;
    this.blocks = blocks;
    this.finalWeight = finalWeight;
    this.finalBias = finalBias;
    this.embedding = owned.own(embedding);
    this.steps = Math.toIntExact(embedding.size(0));
    this.height = height;
    this.width = width;
  }

  /** How many steps. */
  public int steps() {
    return steps;
  }

  /** Target height in pixels. */
  public int height() {
    return height;
  }

  /** Target width in pixels. */
  public int width() {
    return width;
  }

  /** {@code [steps, E]}. */
  Tensor embedding() {
    return embedding;
  }

  /**
   * How much the embedding changes from the step before to every step, relative to what it was: the
   * sum of the absolute differences over that of the absolute values; 0 for the first step. Waits
   * for the device.
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

  /** Values of a row. */
  static long rowSize(DitConfig config) {
    return (config.layers() * (long) PARAMETERS + 2) * 2 * config.width();
  }

  /** The row of {@code step}, {@code [rowSize]}; it belongs to the caller's scope. */
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
      long d = config.width();
      Tensor some = embedding.narrow(0, start, Math.min(WINDOW, steps - start));
      long count = some.size(0);
      table = window.own(some.new_empty(count, rowSize(config)));
      long layer = PARAMETERS * 2 * d;
      for (int i = 0; i < blocks.size(); i++) {
        TransformerBlock block = blocks.get(i);
        table
            .narrow(1, i * layer, layer)
            .copy_(Ops.linear(some, block.modulationWeight(), block.modulationBias()));
      }
      // The final norm sees image rows only; both kinds get the same, so that the last block ends
      // as all others do. [count, 2 D] -> [count, 2, 1, D] -> [count, 2, 2, D]
      Tensor last =
          Ops.linear(some, finalWeight, finalBias)
              .view(count, 2, 1, d)
              .expand(count, 2, 2, d)
              .reshape(count, 4 * d);
      table.narrow(1, blocks.size() * layer, 4 * d).copy_(last);
    }
  }

  @Override
  public void close() {
    if (window != null) {
      window.close();
    }
    owned.close();
  }
}
