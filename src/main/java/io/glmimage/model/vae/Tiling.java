package io.glmimage.model.vae;

import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * How large images are cut into overlapping tiles, so that the memory of a forward pass does not
 * grow with the image. Images of at most {@code side}² pixels are never cut.
 *
 * <p>A tile does not depend on other tiles. Its group norms have separate statistics, which shifts
 * its colours slightly. Neighbours are blended with linear ramps in the overlap. So there are no
 * seams, but the values differ from those of the whole image. Example: tiles of 96 pixels, an image
 * of 160 x 224 and the bundled model. There, pixels in 0..1 differ by 0.023 on average and by 0.11
 * at most.
 *
 * @param side of a tile in pixels, a multiple of the VAE's scale factor
 * @param overlap the least number of pixels that neighbouring tiles share, a multiple of the scale
 *     factor, below {@code side}
 */
record Tiling(int side, int overlap) {
  /**
   * GLM-Image is made for sizes up to 2048 x 2048. Decoding that many pixels keeps about three
   * activations of 512 channels at full size in the real geometry: 13 GB in bfloat16.
   */
  static final Tiling DEFAULT = new Tiling(2048, 256);

  Tiling {
    if (overlap <= 0 || overlap >= side) {
      throw new IllegalArgumentException(
          "Invalid tiling: overlap " + overlap + " must be between 0 and the side " + side);
    }
  }

  /** The largest number of pixels, over a whole batch, of one forward pass. */
  long pixels() {
    return (long) side * side;
  }

  /** The tiles along an axis of {@code pixels} pixels, for a network with this scale factor. */
  Axis axis(int pixels, int scaleFactor) {
    return new Axis(pixels / scaleFactor, side / scaleFactor, overlap / scaleFactor);
  }

  /**
   * The tiles along one axis. Lengths and positions are in latent positions.
   *
   * @param length of the axis
   * @param tile length of a tile; at most that of the axis
   * @param overlap the least overlap of two neighbours
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

    /** The first position of tile {@code i}. The tiles are spread evenly over the axis. */
    int start(int i) {
      return count() == 1 ? 0 : (int) ((long) i * (length - tile) / (count() - 1));
    }

    /**
     * The weights of tile {@code i} at its positions, {@code [tile * fine]} float32. Each position
     * is divided into {@code fine} finer ones. The weights of all tiles add up to 1 everywhere.
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

    /** 0 outside tile {@code i}, 1 in its middle, falling towards the edges it shares. */
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
