package io.glmimage.model.prior;

import io.glmimage.model.Grid;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import io.glmimage.weights.Weights;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * The vision transformer over one picture: patches to features. Layer norm before attention and
 * before the MLP, full attention, exact GELU; positions come from a learned square table, sampled
 * bilinearly at the centres of the picture's grid, borders repeated.
 *
 * <p>N patches in row-major order, E width, C channels, p patch side. Activations in the compute
 * dtype, the sampling of the table in float32. After transformers 5.17, {@code
 * GlmImageVisionModel}.
 */
final class VisionTower {
  // Codes of torch::grid_sampler.
  private static final long BILINEAR = 0;
  private static final long BORDER = 1;

  private final VisionConfig config;
  private final Weights weights;
  private final Tensor patchWeight;
  private final Tensor patchBias;
  private final Tensor positionTable;
  private final List<Block> blocks = new ArrayList<>();

  /** The weights of a block. */
  private record Block(
      Tensor norm1,
      Tensor norm1Bias,
      Tensor qkv,
      Tensor qkvBias,
      Tensor projection,
      Tensor projectionBias,
      Tensor norm2,
      Tensor norm2Bias,
      Tensor fc1,
      Tensor fc1Bias,
      Tensor fc2,
      Tensor fc2Bias) {}

  VisionTower(VisionConfig config, Weights modelWeights) {
    this.config = config;
    weights = modelWeights.prefix("model.visual.");
    int width = config.width();
    int side = config.tableSide();
    int patch = config.patch();
    try (TensorScope scope = new TensorScope()) {
      // A convolution whose stride is its kernel is a linear layer: [E, C, p, p] -> [E, C p p]
      patchWeight =
          weights.adopt(
              weights
                  .get("patch_embed.proj.weight", width, config.channels(), patch, patch)
                  .view(width, config.patchValues()));
      patchBias = weights.get("patch_embed.proj.bias", width);
      // [side * side, E] -> [1, E, side, side]
      Tensor table =
          weights
              .readFloat("embeddings.position_embedding.weight", (long) side * side, width)
              .view(1, side, side, width)
              .permute(0, 3, 1, 2)
              .contiguous();
      positionTable = weights.adopt(table);
    }
    for (int i = 0; i < config.layers(); i++) {
      blocks.add(block(weights.prefix("blocks." + i + ".")));
    }
  }

  private Block block(Weights w) {
    int width = config.width();
    int inner = config.inner();
    return new Block(
        w.get("norm1.weight", width),
        w.get("norm1.bias", width),
        w.get("attn.qkv.weight", 3L * width, width),
        config.bias() ? w.get("attn.qkv.bias", 3L * width) : null,
        w.get("attn.proj.weight", width, width),
        config.bias() ? w.get("attn.proj.bias", width) : null,
        w.get("norm2.weight", width),
        w.get("norm2.bias", width),
        w.get("mlp.fc1.weight", inner, width),
        w.get("mlp.fc1.bias", inner),
        w.get("mlp.fc2.weight", width, inner),
        w.get("mlp.fc2.bias", width));
  }

  int blocks() {
    return blocks.size();
  }

  /** {@code [N, C p p] -> [N, E]} */
  Tensor forward(Tensor pixelValues, Grid grid) {
    try (TensorScope scope = new TensorScope()) {
      Tensor x = embed(patchEmbed(pixelValues), grid);
      for (int i = 0; i < blocks.size(); i++) {
        Tensor next = block(i, x);
        x.close();
        x = next;
      }
      return scope.keep(x);
    }
  }

  /** {@code [N, C p p] -> [N, E]}, on the device. */
  Tensor patchEmbed(Tensor pixelValues) {
    return Ops.linear(Ops.to(pixelValues, weights.compute()), patchWeight, patchBias);
  }

  /** Adds the positions: {@code [N, E] -> [N, E]}. */
  Tensor embed(Tensor patches, Grid grid) {
    try (TensorScope scope = new TensorScope()) {
      Tensor centres = Ops.of(centres(grid), 1, grid.size(), 1, 2);
      // [1, E, side, side] at [1, N, 1, 2] -> [1, E, N, 1]
      Tensor sampled =
          torch.grid_sampler(
              positionTable,
              centres.to(positionTable.device(), positionTable.scalar_type()),
              BILINEAR,
              BORDER,
              /* align_corners= */ false);
      // [1, E, N, 1] -> [N, E]
      Tensor positions = sampled.view(config.width(), grid.size()).transpose(0, 1);
      return scope.keep(patches.add(positions.to(patches.scalar_type())));
    }
  }

  /** (x, y) of every patch's centre, the table's extent being -1 .. 1. */
  private static float[] centres(Grid grid) {
    float[] out = new float[2 * grid.size()];
    int i = 0;
    for (int row = 0; row < grid.rows(); row++) {
      for (int column = 0; column < grid.columns(); column++) {
        out[i++] = (column + 0.5f) / grid.columns() * 2 - 1;
        out[i++] = (row + 0.5f) / grid.rows() * 2 - 1;
      }
    }
    return out;
  }

  /** {@code [N, E] -> [N, E]} */
  Tensor block(int index, Tensor x) {
    Block w = blocks.get(index);
    double eps = config.eps();
    try (TensorScope scope = new TensorScope()) {
      Tensor normed = Ops.layerNorm(x, w.norm1(), w.norm1Bias(), eps);
      Tensor attended = attention(Ops.linear(normed, w.qkv(), w.qkvBias()));
      Tensor middle = Ops.linear(attended, w.projection(), w.projectionBias()).add_(x);
      Tensor mlpInput = Ops.layerNorm(middle, w.norm2(), w.norm2Bias(), eps);
      Tensor inner = torch.gelu(Ops.linear(mlpInput, w.fc1(), w.fc1Bias()));
      return scope.keep(Ops.linear(inner, w.fc2(), w.fc2Bias()).add_(middle));
    }
  }

  /** {@code [N, 3 E] -> [N, E]} */
  private Tensor attention(Tensor qkv) {
    long patches = qkv.size(0);
    int heads = config.heads();
    // [N, 3 E] -> [N, 3, heads, E/heads] -> [3, 1, heads, N, E/heads]
    Tensor parts =
        qkv.view(patches, 3, heads, config.width() / heads).permute(1, 2, 0, 3).unsqueeze(1);
    Tensor out =
        Ops.attention(
            parts.select(0, 0),
            parts.select(0, 1),
            parts.select(0, 2),
            null,
            /* causal= */ false,
            /* grouped= */ false);
    // [1, heads, N, E/heads] -> [N, E]
    return out.transpose(1, 2).reshape(patches, config.width());
  }
}
