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
 * The vision transformer over one source image: patches to features. Layer norm before attention
 * and before the MLP, full attention, exact GELU. Positions come from a learned square table,
 * sampled bilinearly at the centres of the image's grid; beyond its border the table repeats.
 *
 * <p>N patches in row-major order, E width, C channels, p patch side. Activations in the compute
 * dtype; the table is sampled in float32.
 *
 * <p>Ported from transformers src/transformers/models/glm_image/modeling_glm_image.py,
 * GlmImageVisionModel, GlmImageVisionBlock and GlmImageVisionEmbeddings (5.17.0). Deviation: one
 * image at a time instead of several with sequence boundaries.
 */
final class VisionTower {
  // Codes of torch::grid_sampler.
  private static final long BILINEAR = 0;
  private static final long BORDER = 1;

  private final VisionConfig config;
  private final Weights weights;
  private final Affine patchProjection;
  private final Tensor positionTable;
  private final List<Block> blocks = new ArrayList<>();

  /** Weight and bias of a norm or of a linear layer; the bias may be null. */
  private record Affine(Tensor weight, Tensor bias) {
    /** As a layer norm: {@code [N, E] -> [N, E]}. */
    Tensor norm(Tensor x, double eps) {
      return Ops.layerNorm(x, weight, bias, eps);
    }

    /** As a linear layer: {@code [N, I] -> [N, O]}. */
    Tensor linear(Tensor x) {
      return Ops.linear(x, weight, bias);
    }
  }

  /** The weights of a block. */
  private record Block(
      Affine norm1, Affine qkv, Affine projection, Affine norm2, Affine fc1, Affine fc2) {}

  VisionTower(VisionConfig config, Weights modelWeights) {
    this.config = config;
    weights = modelWeights.prefix("model.visual.");
    int width = config.width();
    int side = config.tableSide();
    int patch = config.patch();
    try (TensorScope scope = new TensorScope()) {
      // A convolution whose stride is its kernel is a linear layer: [E, C, p, p] -> [E, C p p]
      Tensor patchWeight =
          weights.adopt(
              weights
                  .get("patch_embed.proj.weight", width, config.channels(), patch, patch)
                  .view(width, config.patchValues()));
      patchProjection = new Affine(patchWeight, weights.get("patch_embed.proj.bias", width));
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
        norm(w, "norm1"),
        linear(w, "attn.qkv", width, 3L * width, config.bias()),
        linear(w, "attn.proj", width, width, config.bias()),
        norm(w, "norm2"),
        linear(w, "mlp.fc1", width, inner, true),
        linear(w, "mlp.fc2", inner, width, true));
  }

  private Affine norm(Weights w, String name) {
    return new Affine(
        w.get(name + ".weight", config.width()), w.get(name + ".bias", config.width()));
  }

  private static Affine linear(Weights w, String name, long inputs, long outputs, boolean bias) {
    return new Affine(
        w.get(name + ".weight", outputs, inputs), bias ? w.get(name + ".bias", outputs) : null);
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
    return patchProjection.linear(Ops.to(pixelValues, weights.compute()));
  }

  /** Adds the position embeddings: {@code [N, E] -> [N, E]}. */
  Tensor embed(Tensor patches, Grid grid) {
    try (TensorScope scope = new TensorScope()) {
      Tensor centres = Ops.of(centres(grid), 1, grid.size(), 1, 2);
      // [1, E, side, side] at [1, N, 1, 2] -> [1, E, N, 1]
      Tensor sampled =
          torch.grid_sampler(
              positionTable,
              centres.to(positionTable.device(), Ops.dtype(positionTable)),
              BILINEAR,
              BORDER,
              /* align_corners= */ false);
      // [1, E, N, 1] -> [N, E]
      Tensor positions = sampled.view(config.width(), grid.size()).transpose(0, 1);
      return scope.keep(patches.add(positions.to(Ops.dtype(patches))));
    }
  }

  /** The centre (x, y) of every patch, in coordinates in which the table spans -1 .. 1. */
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
      Tensor attended = attention(w.qkv().linear(w.norm1().norm(x, eps)));
      Tensor middle = w.projection().linear(attended).add_(x);
      Tensor inner = torch.gelu(w.fc1().linear(w.norm2().norm(middle, eps)));
      return scope.keep(w.fc2().linear(inner).add_(middle));
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
