package io.glmimage.model.vae;

import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * How large pictures are cut into overlapping tiles, so that the memory of a forward does not grow
 * with the picture. Pictures of at most {@code side}² pixels are never cut.
 *
 * <p>A tile sees only itself: its group norms have statistics of their own, which shifts its
 * colours a little. In the overlap, neighbours are mixed with linear ramps, so there are no seams,
 * but the values are not those of the whole. With small tiles (96 pixels of a picture of 160 x 224)
 * and the bundled model, pixels in 0..1 moved by 0.023 on average and 0.11 at most.
 *
 * @param side pixels of a tile's side, a multiple of the VAE's scale factor
 * @param overlap pixels that neighbouring tiles share at least, a multiple of the scale factor,
 *     under {@code side}
 */
record Tiling(int side, int overlap) {
  /**
   * 2048 x 2048 is the largest size that GLM-Image is made for. Decoding that many pixels holds
   * about three activations of 512 channels at full size in the real geometry: 13 GB in bfloat16.
   */
  static final Tiling DEFAULT = new Tiling(2048, 256);

  Tiling {
    if (overlap <= 0 || overlap >= side) {
      throw new IllegalArgumentException(
          "Invalid tiling: overlap " + overlap + " must be between 0 and the side " + side);
    }
  }

  /** The largest number of pixels, over a whole batch, that one forward may take. */
  long pixels() {
    return (long) side * side;
  }

  /** The tiles along one axis of {@code pixels}, for a network with this scale factor. */
  Axis axis(int pixels, int scaleFactor) {
    return new Axis(pixels / scaleFactor, side / scaleFactor, overlap / scaleFactor);
  }

  /**
   * One axis, cut. Lengths and positions count latent positions.
   *
   * @param length of the axis
   * @param tile length of a tile, if it is shorter than the axis
   * @param overlap least overlap of two neighbours
   */
  record Axis(int length, int tile, int overlap) {
    Axis(int length, int tile, int overlap) {
      this.length = length;
      this.tile = Math.min(length, tile);
      this.overlap = overlap;
    }

    int count() {
      int step = tile - overlap;
      return tile == length ? 1 : (length - overlap + step - 1) / step;
    }

    /** The first position of tile {@code i}; the tiles are spread evenly from end to end. */
    int start(int i) {
      return count() == 1 ? 0 : (int) ((long) i * (length - tile) / (count() - 1));
    }

    /**
     * The shares of tile {@code i} in its positions, each cut into {@code fine} ones, as {@code
     * [tile * fine]} in float32; the shares of all tiles add up to 1 everywhere.
     */
    Tensor shares(int i, int fine, Compute compute) {
      float[] own = new float[tile * fine];
      for (int p = 0; p < own.length; p++) {
        int at = start(i) * fine + p;
        double sum = 0;
        for (int j = 0; j < count(); j++) {
          sum += ramp(j, at, fine);
        }
        own[p] = (float) (ramp(i, at, fine) / sum);
      }
      return Ops.to(Ops.of(own, own.length), compute, ScalarType.Float);
    }

    /** 0 outside tile {@code i}, 1 in its middle, falling towards edges that have a neighbour. */
    private double ramp(int i, int at, int fine) {
      int from = start(i) * fine;
      int to = from + tile * fine;
      if (at < from || at >= to) {
        return 0;
      }
      double left = i == 0 ? 1 : (at - from + 0.5) / (overlap * fine);
      double right = i == count() - 1 ? 1 : (to - at - 0.5) / (overlap * fine);
      return Math.min(1, Math.min(left, right));
    }
  }
}
