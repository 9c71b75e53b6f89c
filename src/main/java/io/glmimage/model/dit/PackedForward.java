package io.glmimage.model.dit;

import io.glmimage.kernel.KernelProvider;
import io.glmimage.kernel.PackedLayout;
import io.glmimage.kernel.QkNormRotary.KeyValueRows;
import io.glmimage.kernel.Rows;
import io.glmimage.model.Grid;
import io.glmimage.model.Observer;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.OwnedTensors;
import io.glmimage.tensor.TensorScope;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * The forward pass over the packed tokens of one image, with all buffers and views that its steps
 * share. {@link #run} never waits for the device, so the host can queue the next step while the
 * device computes.
 *
 * <p>T packed rows, S text and I image tokens of a sequence, C cached source tokens, H heads of
 * width d, D = H d.
 *
 * <p>Ported from diffusers src/diffusers/models/transformers/transformer_glm_image.py,
 * GlmImageTransformer2DModel.forward, GlmImageTransformerBlock and GlmImageAttnProcessor (commit
 * 58eb52c). Deviations: branches are packed into one tensor instead of running one after the other;
 * the end of a branch and the next norm are one operation; nothing is padded, so there are no
 * masks.
 */
final class PackedForward implements AutoCloseable {
  private final DitWeights weights;
  private final DitConfig config;
  private final KernelProvider kernels;
  private final OwnedTensors owned = new OwnedTensors();
  private final PackedLayout layout;

  /** Whether the pass ends when the last layer's keys and values are stored. */
  private final boolean keysAndValuesOnly;

  /** {@code [T, D]}: text, and priors in the image rows; every step starts with it. */
  private final Tensor constant;

  /** {@code [T, D]}: the residual stream. */
  private final Tensor residual;

  /** The image rows of {@link #residual}, {@code [I, D]} per sequence. */
  private final List<Tensor> residualImages = new ArrayList<>();

  /** {@code [T, D]}: the modulated norm that the next branch reads. */
  private final Rows normed;

  /** {@code [T, D]}: the final norm in the compute dtype. Shares {@link #normed} if not 8-bit. */
  private final Tensor finalNormed;

  /** {@code [T, D]}: what the blocks added to the residual stream; null until a step keeps it. */
  private Tensor added;

  /** {@code [T, H, d]}. */
  private final Tensor query;

  /** {@code [1, H, S + I, d]} of {@link #query}, one per sequence; e4m3: {@code [S + I, H, d]}. */
  private final List<Tensor> queries = new ArrayList<>();

  /** {@code [T, H, d]}: the result of attention in e4m3; null in other precisions. */
  private final Tensor means;

  /** {@code [S + I, H, d]} of {@link #means}, one per sequence. */
  private final List<Tensor> sequenceMeans = new ArrayList<>();

  /** {@code [T, 1]}: the scales of {@link #means}, by the factor of a layer's values. */
  private final Map<Double, Tensor> meanScales = new HashMap<>();

  private final List<Layer> layers = new ArrayList<>();

  /** Where a layer stores its keys and values, and what its attention reads; one per sequence. */
  private record Layer(List<KeyValueRows> destinations, List<KeyValueRows> attended) {
    Layer() {
      this(new ArrayList<>(), new ArrayList<>());
    }
  }

  /**
   * The part of a source cache that belongs to the first sequence.
   *
   * @param firstRow where the sequence stores its keys and values
   * @param attendedFrom the first row that the sequence attends to; the last is its own last row
   */
  private record CacheRows(SourceCache cache, int firstRow, int attendedFrom) {
    KeyValueRows destination(int layer, long rows) {
      return cache.rows(layer, firstRow, rows);
    }

    KeyValueRows attended(int layer, long rows) {
      return cache.rows(layer, attendedFrom, firstRow + rows - attendedFrom);
    }
  }

  /**
   * The pass of a denoising step.
   *
   * @param sequences the branches, conditional first
   * @param cache the sources, which only the first branch attends to; null for none
   */
  static PackedForward ofBranches(
      DitWeights weights,
      KernelProvider kernels,
      Grid grid,
      List<DitSequence> sequences,
      SourceCache cache) {
    CacheRows rows = cache == null ? null : new CacheRows(cache, cache.sourceTokens(), 0);
    return new PackedForward(weights, kernels, grid, sequences, rows, false);
  }

  /**
   * The pass that writes a source into the next free rows of the cache. The source attends to
   * itself only.
   */
  static PackedForward ofSource(
      DitWeights weights,
      KernelProvider kernels,
      Grid grid,
      DitSequence sequence,
      SourceCache cache) {
    CacheRows rows = new CacheRows(cache, cache.written(), cache.written());
    return new PackedForward(weights, kernels, grid, List.of(sequence), rows, true);
  }

  private PackedForward(
      DitWeights weights,
      KernelProvider kernels,
      Grid grid,
      List<DitSequence> sequences,
      CacheRows cacheRows,
      boolean keysAndValuesOnly) {
    this.weights = weights;
    this.config = weights.config();
    this.kernels = kernels;
    this.keysAndValuesOnly = keysAndValuesOnly;
    checkPriors(grid, sequences);
    Compute compute = weights.compute();
    layout = layout(compute, grid, sequences, config.headDim());
    try (TensorScope scope = new TensorScope()) {
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
      query = newHeads(rows);
      means = weights.fp8Attention() ? newHeads(rows) : null;
      for (int s = 0; s < sequences.size(); s++) {
        PackedLayout.Sequence at = layout.sequences().get(s);
        DitSequence sequence = sequences.get(s);
        constant.narrow(0, at.offset(), at.textTokens()).copy_(sequence.text());
        // A dropped prior is one row for all tokens. [1, D] or [I, D] -> [I, D]
        constant.narrow(0, at.imageOffset(), at.imageTokens()).copy_(sequence.prior());
        residualImages.add(owned.own(residual.narrow(0, at.imageOffset(), at.imageTokens())));
        queries.add(attentionView(query.narrow(0, at.offset(), at.rows())));
        if (means != null) {
          sequenceMeans.add(owned.own(means.narrow(0, at.offset(), at.rows())));
        }
      }
      addLayers(cacheRows);
    } catch (RuntimeException e) {
      // Probably out of device memory: free what was allocated.
      close();
      throw e;
    }
  }

  private static void checkPriors(Grid grid, List<DitSequence> sequences) {
    for (DitSequence sequence : sequences) {
      if (!sequence.priorDropped() && sequence.prior().size(0) != grid.size()) {
        throw new IllegalArgumentException(
            "Cannot denoise "
                + grid.rows()
                + " x "
                + grid.columns()
                + " tokens with "
                + sequence.prior().size(0)
                + " prior ids");
      }
    }
  }

  private static PackedLayout layout(
      Compute compute, Grid grid, List<DitSequence> sequences, int headDim) {
    try (TensorScope scope = new TensorScope()) {
      RotaryTable rotary = RotaryTable.of(grid, headDim);
      return new PackedLayout(
          compute,
          sequences.stream().mapToInt(DitSequence::textTokens).toArray(),
          rotary.cos(),
          rotary.sin());
    }
  }

  /**
   * Decides where every layer keeps its keys and values. The first sequence uses the cache, if
   * there is one. The others need theirs only until the layer's attention is done, so all layers
   * share one buffer per sequence.
   */
  private void addLayers(CacheRows cacheRows) {
    List<KeyValueRows> shared = new ArrayList<>();
    for (int s = 0; s < queries.size(); s++) {
      boolean cached = s == 0 && cacheRows != null;
      shared.add(cached ? null : newRows(layout.sequences().get(s).rows()));
    }
    for (int l = 0; l < config.layers(); l++) {
      Layer layer = new Layer();
      for (int s = 0; s < queries.size(); s++) {
        KeyValueRows destination = shared.get(s);
        KeyValueRows attended = destination;
        if (destination == null) {
          long rows = layout.sequences().get(s).rows();
          KeyValueRows inCache = cacheRows.destination(l, rows);
          destination = new KeyValueRows(owned.own(inCache.key()), owned.own(inCache.value()));
          attended = cacheRows.attended(l, rows);
        }
        layer.destinations().add(destination);
        layer
            .attended()
            .add(new KeyValueRows(attentionView(attended.key()), attentionView(attended.value())));
      }
      layers.add(layer);
    }
  }

  private KeyValueRows newRows(long rows) {
    return new KeyValueRows(newHeads(rows), newHeads(rows));
  }

  /** {@code [rows, H, d]} in the dtype of attention. */
  private Tensor newHeads(long rows) {
    return owned.own(
        Ops.empty(
            weights.compute(), weights.attentionType(), rows, config.heads(), config.headDim()));
  }

  /**
   * {@code [rows, H, d] -> [1, H, rows, d]}, a view. The stride of the batch is that of a whole
   * batch, although there is only one element: cuDNN's attention accepts no other. Attention in
   * e4m3 takes the rows as they are.
   */
  private Tensor attentionView(Tensor rows) {
    return owned.own(weights.fp8Attention() ? rows : rows.unsqueeze(0).transpose(1, 2));
  }

  PackedLayout layout() {
    return layout;
  }

  /**
   * The whole forward pass.
   *
   * @param latents {@code [C, h, w]} float32 on the device
   * @param keep whether {@link #reuse} will follow
   * @return packed predictions {@code [T, C p p]}, of the caller's scope; null if the pass ends
   *     with keys and values
   */
  Tensor run(Tensor latents, ModulationRow modulation, boolean keep, Observer observer) {
    try (TensorScope scope = new TensorScope()) {
      // 1. Tokens: the prepared text and priors, plus the latents' patches in the image rows.
      embed(latents, observer);
      if (keep) {
        if (added == null) {
          added = owned.own(residual.new_empty(layout.rows(), config.width()));
        }
        added.copy_(residual);
      }

      // 2. Blocks. The end of a branch and the next norm are one operation.
      ModulationRow.Layer first = modulation.layer(0);
      kernels
          .adaLayerNorm()
          .apply(
              residual,
              first.attentionScale(),
              first.attentionShift(),
              layout,
              DitConfig.EPS,
              normed);
      for (int l = 0; l < config.layers(); l++) {
        if (observer != Observer.NONE) {
          observer.accept("block" + l + ".norm1", normed.numbers());
        }
        try (TensorScope layerScope = new TensorScope()) {
          attention(l, modulation.layer(l), observer);
        }
        if (endsAfterAttention(l)) {
          return null;
        }
        try (TensorScope layerScope = new TensorScope()) {
          mlp(l, modulation);
        }
        observer.accept("block" + l, residual);
      }
      if (keep) {
        added.neg_().add_(residual);
      }

      // 3. Prediction. The last block has applied the final norm; the text rows are not used.
      return scope.keep(project(observer));
    }
  }

  /**
   * A forward pass without the blocks: adds what they added in the last {@link #run} that kept it.
   *
   * @return as {@link #run}
   */
  Tensor reuse(Tensor latents, ModulationRow modulation, Observer observer) {
    try (TensorScope scope = new TensorScope()) {
      embed(latents, observer);
      residual.add_(added);
      kernels
          .adaLayerNorm()
          .apply(
              residual,
              modulation.finalScale(),
              modulation.finalShift(),
              layout,
              DitConfig.EPS,
              new Rows(finalNormed));
      return scope.keep(project(observer));
    }
  }

  private boolean endsAfterAttention(int layer) {
    return keysAndValuesOnly && layer == config.layers() - 1;
  }

  /** Sets the residual stream to the input of the first block. */
  private void embed(Tensor latents, Observer observer) {
    // [C, h, w] -> [I, C p p] -> [I, D]
    Tensor patches = Ops.patches(latents.to(weights.compute().dtype()), config.patch());
    Tensor projected = weights.imageProjector().apply(patches);
    observer.accept("image_projector", projected);
    residual.copy_(constant);
    residualImages.forEach(image -> image.add_(projected));
  }

  /** From the final norm to the prediction: {@code [T, D] -> [T, C p p]}. */
  private Tensor project(Observer observer) {
    observer.accept("norm_out", finalNormed);
    Tensor prediction = weights.out().apply(finalNormed);
    observer.accept("proj_out", prediction);
    return prediction;
  }

  /** From the norm before attention to the norm before the MLP; updates the residual stream. */
  private void attention(int index, ModulationRow.Layer vectors, Observer observer) {
    TransformerBlock block = weights.blocks().get(index);
    Layer layer = layers.get(index);
    Tensor qkv = block.qkv().apply(normed); // [T, 3 D]
    kernels
        .qkNormRotary()
        .apply(qkv, layout, DitConfig.EPS, block.valueFactor(), query, layer.destinations());
    if (endsAfterAttention(index)) {
      return;
    }
    Tensor branch =
        weights.fp8Attention()
            ? block.out().apply(attendInFp8(layer, block.valueFactor()))
            : block.out().apply(attend(layer));
    observer.accept("block" + index + ".attn1", branch);
    kernels
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

  /** From the norm before the MLP to the first norm of the next block, or to the final norm. */
  private void mlp(int index, ModulationRow modulation) {
    TransformerBlock block = weights.blocks().get(index);
    boolean last = index == config.layers() - 1;
    Tensor branch = block.narrow().apply(block.widen().gelu(normed));
    kernels
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

  /** Attention within each sequence, packed again: {@code [T, D]}. */
  private Tensor attend(Layer layer) {
    Tensor[] outputs = new Tensor[queries.size()];
    for (int s = 0; s < outputs.length; s++) {
      KeyValueRows rows = layer.attended().get(s);
      // [1, H, S + I, d] -> [S + I, H, d] -> [S + I, D]
      outputs[s] =
          kernels
              .sequenceAttention()
              .apply(queries.get(s), rows.key(), rows.value())
              .squeeze(0)
              .transpose(0, 1)
              .reshape(-1, config.width());
    }
    return outputs.length == 1 ? outputs[0] : Ops.cat(0, outputs);
  }

  /** As {@link #attend}, in e4m3: the input of the output projection, {@code [T, D]}. */
  private Rows attendInFp8(Layer layer, double valueFactor) {
    for (int s = 0; s < queries.size(); s++) {
      KeyValueRows rows = layer.attended().get(s);
      kernels.fp8Attention().apply(queries.get(s), rows.key(), rows.value(), sequenceMeans.get(s));
    }
    Tensor scales = meanScales.computeIfAbsent(valueFactor, this::newScales);
    // [T, H, d] -> [T, D]
    return new Rows(means.view(-1, config.width()), scales);
  }

  /** {@code [T, 1]}. */
  private Tensor newScales(double valueFactor) {
    return owned.own(
        Ops.empty(weights.compute(), ScalarType.Float, layout.rows(), 1)
            .fill_(new Scalar(1 / valueFactor)));
  }

  @Override
  public void close() {
    layout.close();
    owned.close();
  }
}
