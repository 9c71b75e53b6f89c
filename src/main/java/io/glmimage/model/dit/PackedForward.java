package io.glmimage.model.dit;

import io.glmimage.kernel.PackedLayout;
import io.glmimage.kernel.QkNormRotary.KeyValueRows;
import io.glmimage.kernel.Rows;
import io.glmimage.model.Grid;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.OwnedTensors;
import io.glmimage.tensor.TensorScope;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * The forward pass over the packed tokens of one picture, with every buffer and view that its steps
 * share. Nothing in {@link #run} waits for the device or depends on the step but through buffers,
 * so that a step can be captured as a graph.
 *
 * <p>T packed rows, S text and I image tokens of a sequence, C cached source tokens, D = H d width.
 */
final class PackedForward implements AutoCloseable {
  private final GlmImageTransformer network;
  private final DitConfig config;
  private final OwnedTensors owned = new OwnedTensors();
  private final PackedLayout layout;
  private final boolean keysAndValuesOnly;

  /** {@code [T, D]}: text, and priors where the image tokens are; what a step begins with. */
  private final Tensor constant;

  /** {@code [T, D]}: the residual stream. */
  private final Tensor residual;

  /** The image rows of {@link #residual}, {@code [I, D]} a sequence. */
  private final List<Tensor> residualImages = new ArrayList<>();

  /** {@code [T, D]}: the modulated norm that the next branch reads. */
  private final Rows normed;

  /** {@code [T, D]}: the final norm, in the compute dtype; of {@link #normed} where that is too. */
  private final Tensor finalNormed;

  /** {@code [T, D]}: what the blocks added to the residual stream; null where no step reuses it. */
  private Tensor added;

  /** {@code [T, H, d]}. */
  private final Tensor query;

  /** {@code [1, H, S + I, d]} of {@link #query}, a sequence. */
  private final List<Tensor> queries = new ArrayList<>();

  private final List<Layer> layers = new ArrayList<>();

  /** Where a layer's keys and values go, and what its attention reads, a sequence each. */
  private record Layer(List<KeyValueRows> destinations, List<KeyValueRows> attended) {
    Layer() {
      this(new ArrayList<>(), new ArrayList<>());
    }
  }

  /**
   * @param cache where the first sequence's keys and values go, and what is before them it attends
   *     to; null for none
   * @param firstRow the first sequence's first row in the cache
   * @param attendedFrom the first row of the cache that the first sequence attends to
   * @param keysAndValuesOnly whether the pass ends when the last layer's keys and values are stored
   */
  PackedForward(
      GlmImageTransformer network,
      Grid grid,
      List<DitSequence> sequences,
      SourceCache cache,
      int firstRow,
      int attendedFrom,
      boolean keysAndValuesOnly) {
    this.network = network;
    this.config = network.config();
    this.keysAndValuesOnly = keysAndValuesOnly;
    Compute compute = network.compute();
    try (TensorScope scope = new TensorScope()) {
      RotaryTable rotary = RotaryTable.of(grid, config.headDim());
      layout =
          new PackedLayout(
              compute,
              sequences.stream().mapToInt(DitSequence::textTokens).toArray(),
              rotary.cos(),
              rotary.sin());
      long rows = layout.rows();
      constant = owned.own(Ops.empty(compute, rows, config.width()));
      residual = owned.own(Ops.empty(compute, rows, config.width()));
      normed = Rows.empty(compute, rows, config.width());
      owned.own(normed.values());
      if (normed.quantized()) {
        owned.own(normed.scales());
        finalNormed = owned.own(Ops.empty(compute, rows, config.width()));
      } else {
        finalNormed = normed.values();
      }
      query = owned.own(Ops.empty(compute, rows, config.heads(), config.headDim()));
      List<KeyValueRows> scratch = new ArrayList<>();
      for (int s = 0; s < sequences.size(); s++) {
        PackedLayout.Sequence at = layout.sequences().get(s);
        DitSequence sequence = sequences.get(s);
        if (!sequence.priorDropped() && sequence.prior().size(0) != at.imageTokens()) {
          throw new IllegalArgumentException(
              "Cannot denoise "
                  + grid.rows()
                  + " x "
                  + grid.columns()
                  + " tokens with "
                  + sequence.prior().size(0)
                  + " prior ids");
        }
        constant.narrow(0, at.offset(), at.textTokens()).copy_(sequence.text());
        // A dropped prior is one row for all. [1, D] or [I, D] -> [I, D]
        constant.narrow(0, at.imageOffset(), at.imageTokens()).copy_(sequence.prior());
        residualImages.add(owned.own(residual.narrow(0, at.imageOffset(), at.imageTokens())));
        queries.add(attentionView(query.narrow(0, at.offset(), at.rows())));
        if (s > 0 || cache == null) {
          // Not needed after the layer's attention: all layers share it.
          scratch.add(
              new KeyValueRows(
                  owned.own(Ops.empty(compute, at.rows(), config.heads(), config.headDim())),
                  owned.own(Ops.empty(compute, at.rows(), config.heads(), config.headDim()))));
        } else {
          scratch.add(null);
        }
      }
      for (int l = 0; l < config.layers(); l++) {
        Layer layer = new Layer();
        for (int s = 0; s < sequences.size(); s++) {
          KeyValueRows destination = scratch.get(s);
          KeyValueRows attended = destination;
          if (destination == null) {
            long sequenceRows = layout.sequences().get(s).rows();
            destination = own(cache.rows(l, firstRow, sequenceRows));
            attended = cache.rows(l, attendedFrom, firstRow + sequenceRows - attendedFrom);
          }
          layer.destinations().add(destination);
          layer
              .attended()
              .add(
                  new KeyValueRows(attentionView(attended.key()), attentionView(attended.value())));
        }
        layers.add(layer);
      }
    }
  }

  /**
   * {@code [rows, H, d] -> [1, H, rows, d]}, a view. The batch's stride is that of a batch of rows,
   * though there is but one: cuDNN's attention takes no other.
   */
  private Tensor attentionView(Tensor rows) {
    return owned.own(rows.unsqueeze(0).transpose(1, 2));
  }

  private KeyValueRows own(KeyValueRows rows) {
    return new KeyValueRows(owned.own(rows.key()), owned.own(rows.value()));
  }

  PackedLayout layout() {
    return layout;
  }

  /**
   * @param latents {@code [C, h, w]} float32 on the device
   * @return packed predictions {@code [T, C p p]}, of the caller's scope; null where the pass ends
   *     with keys and values
   */
  Tensor run(Tensor latents, ModulationRow modulation, Trace trace) {
    return run(latents, modulation, false, trace);
  }

  /**
   * As {@link #run(Tensor, ModulationRow, Trace)}.
   *
   * @param keep whether {@link #reuse} will follow
   */
  Tensor run(Tensor latents, ModulationRow modulation, boolean keep, Trace trace) {
    try (TensorScope scope = new TensorScope()) {
      // 1. Tokens: text and priors as prepared, the latents' patches on the image rows.
      embed(latents, trace);
      if (keep) {
        if (added == null) {
          added = owned.own(residual.new_empty(layout.rows(), config.width()));
        }
        added.copy_(residual);
      }

      // 2. Blocks. A branch's end and the next norm are one operation.
      ModulationRow.Layer first = modulation.layer(0);
      network
          .kernels()
          .adaLayerNorm()
          .apply(
              residual,
              first.attentionScale(),
              first.attentionShift(),
              layout,
              DitConfig.EPS,
              normed);
      for (int l = 0; l < config.layers(); l++) {
        if (trace != Trace.NONE) {
          trace.accept("block" + l + ".norm1", normed.numbers());
        }
        try (TensorScope layerScope = new TensorScope()) {
          attention(l, modulation.layer(l), trace);
        }
        if (keysAndValuesOnly && l == config.layers() - 1) {
          return null;
        }
        try (TensorScope layerScope = new TensorScope()) {
          mlp(l, modulation);
        }
        trace.accept("block" + l, residual);
      }

      if (keep) {
        added.neg_().add_(residual);
      }

      // 3. The last block has applied the final norm; text rows are carried along, not used.
      return scope.keep(project(trace));
    }
  }

  /**
   * A forward without its blocks: they add what they added in the last {@link #run} that kept it.
   *
   * @return as {@link #run}
   */
  Tensor reuse(Tensor latents, ModulationRow modulation, Trace trace) {
    try (TensorScope scope = new TensorScope()) {
      embed(latents, trace);
      residual.add_(added);
      network
          .kernels()
          .adaLayerNorm()
          .apply(
              residual,
              modulation.finalScale(),
              modulation.finalShift(),
              layout,
              DitConfig.EPS,
              new Rows(finalNormed));
      return scope.keep(project(trace));
    }
  }

  /** The residual stream as it is before the first block. */
  private void embed(Tensor latents, Trace trace) {
    Tensor patches = Ops.patches(latents.to(network.compute().dtype()), config.patch());
    Tensor projected =
        Ops.linear(patches, network.imageProjectorWeight(), network.imageProjectorBias());
    trace.accept("image_projector", projected);
    residual.copy_(constant);
    residualImages.forEach(image -> image.add_(projected));
  }

  /** From the final norm to the prediction. */
  private Tensor project(Trace trace) {
    trace.accept("norm_out", finalNormed);
    Tensor prediction = Ops.linear(finalNormed, network.outWeight(), network.outBias());
    trace.accept("proj_out", prediction);
    return prediction;
  }

  /** From the norm before attention to the norm before the MLP; updates the residual stream. */
  private void attention(int index, ModulationRow.Layer vectors, Trace trace) {
    TransformerBlock block = network.block(index);
    Layer layer = layers.get(index);
    Tensor qkv = block.qkv().apply(normed); // [T, 3 D]
    network.kernels().qkNormRotary().apply(qkv, layout, DitConfig.EPS, query, layer.destinations());
    if (keysAndValuesOnly && index == config.layers() - 1) {
      return;
    }
    Tensor branch = block.out().apply(attend(layer));
    trace.accept("block" + index + ".attn1", branch);
    network
        .kernels()
        .gatedResidualAdaLayerNorm()
        .apply(
            residual,
            branch,
            vectors.attentionGate(),
            vectors.mlpScale(),
            vectors.mlpShift(),
            layout,
            DitConfig.EPS,
            normed);
  }

  /** From the norm before the MLP to the next block's first, or the final one. */
  private void mlp(int index, ModulationRow modulation) {
    TransformerBlock block = network.block(index);
    boolean last = index == config.layers() - 1;
    Tensor branch = block.narrow().apply(block.widen().gelu(normed));
    network
        .kernels()
        .gatedResidualAdaLayerNorm()
        .apply(
            residual,
            branch,
            modulation.layer(index).mlpGate(),
            last ? modulation.finalScale() : modulation.layer(index + 1).attentionScale(),
            last ? modulation.finalShift() : modulation.layer(index + 1).attentionShift(),
            layout,
            DitConfig.EPS,
            last ? new Rows(finalNormed) : normed);
  }

  /** Attention of every sequence alone, packed again: {@code [T, D]}. */
  private Tensor attend(Layer layer) {
    Tensor[] outputs = new Tensor[queries.size()];
    for (int s = 0; s < outputs.length; s++) {
      KeyValueRows rows = layer.attended().get(s);
      // [1, H, S + I, d] -> [S + I, H, d] -> [S + I, D]
      outputs[s] =
          network
              .kernels()
              .sequenceAttention()
              .apply(queries.get(s), rows.key(), rows.value())
              .squeeze(0)
              .transpose(0, 1)
              .reshape(-1, config.width());
    }
    return outputs.length == 1 ? outputs[0] : Ops.cat(0, outputs);
  }

  @Override
  public void close() {
    layout.close();
    owned.close();
  }
}
