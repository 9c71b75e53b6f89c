package io.glmimage.model.dit;

import io.glmimage.tensor.OwnedTensors;
import io.glmimage.tensor.TensorScope;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * The modulation vectors of one step as views of a buffer. Every vector is {@code [2, D]}: image,
 * then text.
 */
final class ModulationRow {
  private final List<Layer> layers = new ArrayList<>();
  private final Tensor finalScale;
  private final Tensor finalShift;

  /** The vectors of one block. */
  record Layer(
      Tensor attentionShift,
      Tensor attentionScale,
      Tensor attentionGate,
      Tensor mlpShift,
      Tensor mlpScale,
      Tensor mlpGate) {}

  /**
   * Cuts a row into its vectors.
   *
   * @param row {@code [Modulation.rowSize]}
   * @param owner owns the views
   */
  ModulationRow(Tensor row, DitConfig config, OwnedTensors owner) {
    try (TensorScope scope = new TensorScope()) {
      Tensor[] vectors = new Tensor[config.layers() * Modulation.PARAMETERS + 2];
      // [rowSize] -> [layers * 6 + 2, 2, D]
      Tensor all = row.view(vectors.length, 2, config.width());
      for (int i = 0; i < vectors.length; i++) {
        vectors[i] = owner.own(all.select(0, i));
      }
      for (int l = 0; l < config.layers(); l++) {
        int first = l * Modulation.PARAMETERS;
        layers.add(
            new Layer(
                vectors[first],
                vectors[first + 1],
                vectors[first + 2],
                vectors[first + 3],
                vectors[first + 4],
                vectors[first + 5]));
      }
      finalScale = vectors[vectors.length - 2];
      finalShift = vectors[vectors.length - 1];
    }
  }

  Layer layer(int index) {
    return layers.get(index);
  }

  Tensor finalScale() {
    return finalScale;
  }

  Tensor finalShift() {
    return finalShift;
  }
}
