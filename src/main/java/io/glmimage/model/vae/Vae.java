package io.glmimage.model.vae;

import io.glmimage.error.CheckpointException;
import io.glmimage.kernel.AtenKernels;
import io.glmimage.kernel.KernelProvider;
import io.glmimage.model.Observer;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import io.glmimage.weights.CheckpointFolder;
import io.glmimage.weights.Weights;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * The image autoencoder ({@code vae} of a checkpoint). B batch, H x W pixels, f the scale factor, h
 * = H / f, w = W / f, C latent channels. The networks compute in the dtype of {@link Compute};
 * normalisation and the mapping to [0, 1] in float32.
 *
 * <p>More than 2048 x 2048 pixels in total are processed in parts, which bounds the memory. A batch
 * is processed image by image, a larger image in overlapping tiles.
 *
 * <p>Ported from diffusers src/diffusers/models/autoencoders/autoencoder_kl.py, AutoencoderKL, and
 * the latent normalisation of src/diffusers/pipelines/glm_image/pipeline_glm_image.py (commit
 * 58eb52c). Deviation: the tiles, see {@link Tiling}.
 *
 * <p>Threads may share it, but must not close it while it is in use.
 */
public final class Vae implements AutoCloseable {
  /**
   * The most values of an activation whose channels are last. cuDNN's fast convolutions count
   * values in 32 bits.
   */
  private static final long MOST_VALUES = Integer.MAX_VALUE;

  private final Weights weights;
  private final VaeConfig config;
  private final Tiling tiling;

  /** Whether images have their channels last in memory, as far as they are not too large. */
  private final boolean channelsLast;

  private final VaeEncoder encoder;
  private final VaeDecoder decoder;

  /** {@code [1, C, 1, 1]} float32. */
  private final Tensor mean;

  /** {@code [1, C, 1, 1]} float32. */
  private final Tensor std;

  private Vae(Weights weights, VaeConfig config, Tiling tiling, Layers layers) {
    this.weights = weights;
    this.config = config;
    this.tiling = tiling;
    channelsLast = layers.channelsLast();
    encoder = new VaeEncoder(weights, config, layers);
    decoder = new VaeDecoder(weights, config, layers);
    try (TensorScope scope = new TensorScope()) {
      mean = weights.adopt(perChannel(config.latentsMean()));
      std = weights.adopt(perChannel(config.latentsStd()));
    }
  }

  /**
   * Loads the component {@code vae}.
   *
   * @throws CheckpointException if configuration or weights are missing or damaged, do not fit each
   *     other, or have an unsupported architecture
   */
  public static Vae load(CheckpointFolder folder, Compute compute, KernelProvider kernels) {
    return load(folder, compute, kernels, Tiling.DEFAULT);
  }

  /** As {@link #load(CheckpointFolder, Compute, KernelProvider)}, with libtorch's operations. */
  static Vae load(CheckpointFolder folder, Compute compute) {
    return load(folder, compute, new AtenKernels());
  }

  static Vae load(CheckpointFolder folder, Compute compute, Tiling tiling) {
    return load(folder, compute, new AtenKernels(), tiling);
  }

  static Vae load(CheckpointFolder folder, Compute compute, KernelProvider kernels, Tiling tiling) {
    VaeConfig config = VaeConfig.read(folder.config("vae/config.json"));
    if (tiling.side() % config.scaleFactor() != 0 || tiling.overlap() % config.scaleFactor() != 0) {
      throw new IllegalArgumentException(
          "Invalid tiling: "
              + tiling
              + ", expected multiples of "
              + config.scaleFactor()
              + " pixels");
    }
    Weights weights = folder.weights("vae", compute);
    try {
      Vae vae = new Vae(weights, config, tiling, Layers.of(config, compute, kernels));
      weights.warnOfUnused();
      return vae;
    } catch (RuntimeException e) {
      weights.close();
      throw e;
    }
  }

  /** Pixels per latent position, along a side. */
  public int scaleFactor() {
    return config.scaleFactor();
  }

  /** C. */
  public int latentChannels() {
    return config.latentChannels();
  }

  /**
   * About the largest number of values that are held at the same time while an image is decoded:
   * three activations at full size, with the channels of the block before the last one.
   */
  public long activationValues(long pixels) {
    int[] channels = config.blockChannels();
    int widest = Math.max(channels[0], channels[Math.min(1, channels.length - 1)]);
    return 3L * widest * Math.min(pixels, tiling.pixels());
  }

  /**
   * The normalised latents of images: the mode of their distribution, minus the mean and divided by
   * the standard deviation of the configuration.
   *
   * @param image {@code [B, 3, H, W]} in [-1, 1] on the device, any floating dtype: see {@link
   *     Pixels#toTensor}
   * @return {@code [B, C, h, w]} float32
   * @throws IllegalArgumentException if the shape is wrong, or H or W is not a multiple of the
   *     scale factor
   */
  public Tensor encode(Tensor image) {
    checkShape("encode", image, VaeConfig.IMAGE_CHANNELS);
    for (int dim = 2; dim <= 3; dim++) {
      if (image.size(dim) % scaleFactor() != 0) {
        throw new IllegalArgumentException(
            String.format(
                Locale.ROOT,
                "Cannot encode image: %s %d is not a multiple of %d",
                dim == 2 ? "height" : "width",
                image.size(dim),
                scaleFactor()));
      }
    }
    try (TensorScope scope = new TensorScope()) {
      Tensor latents = inParts(image, /* encode= */ true, x -> mode(x, Observer.NONE));
      return scope.keep(latents.sub(mean).div(std));
    }
  }

  /**
   * The images of normalised latents.
   *
   * @param latents {@code [B, C, h, w]} on the device, any floating dtype
   * @return {@code [B, 3, H, W]} float32 in [0, 1]: see {@link Pixels#toImages}
   * @throws IllegalArgumentException if the shape is wrong
   */
  public Tensor decode(Tensor latents) {
    checkShape("decode", latents, latentChannels());
    try (TensorScope scope = new TensorScope()) {
      Tensor raw = latents.to(ScalarType.Float).mul(std).add(mean);
      Tensor decoded = inParts(raw, /* encode= */ false, x -> decodeRaw(x, Observer.NONE));
      return scope.keep(Pixels.denormalize(decoded));
    }
  }

  /** The mode of the distribution of latents, not normalised: {@code [B, C, h, w]} float32. */
  Tensor mode(Tensor image, Observer observer) {
    try (TensorScope scope = new TensorScope()) {
      // [B, 2C, h, w] -> [B, C, h, w]
      return scope.keep(
          moments(image, observer)
              .narrow(1, 0, latentChannels())
              .to(ScalarType.Float)
              .contiguous());
    }
  }

  /** Means and logarithms of variances: {@code [B, 2C, h, w]} in the compute dtype. */
  Tensor moments(Tensor image, Observer observer) {
    try (TensorScope scope = new TensorScope()) {
      long largest = config.largestEncoded(image.size(2) * image.size(3));
      return scope.keep(encoder.forward(arranged(image, largest), observer));
    }
  }

  /** From raw latents, not normalised, to about [-1, 1]: {@code [B, 3, H, W]} float32. */
  Tensor decodeRaw(Tensor latents, Observer observer) {
    try (TensorScope scope = new TensorScope()) {
      long pixels = latents.size(2) * latents.size(3) * scaleFactor() * scaleFactor();
      Tensor image = decoder.forward(arranged(latents, config.largestDecoded(pixels)), observer);
      return scope.keep(image.to(ScalarType.Float).contiguous());
    }
  }

  /**
   * The input of a network in the compute dtype.
   *
   * @param largest values of the largest activation of an image
   */
  private Tensor arranged(Tensor x, long largest) {
    Tensor input = x.to(weights.compute().dtype());
    return arrangesChannelsLast(largest) ? Ops.channelsLast(input) : input;
  }

  private boolean arrangesChannelsLast(long largest) {
    return channelsLast && largest <= MOST_VALUES;
  }

  /** Runs {@code network} on parts of {@code x} that are within the limit of the tiling. */
  private Tensor inParts(Tensor x, boolean encode, UnaryOperator<Tensor> network) {
    int toPixels = encode ? 1 : scaleFactor();
    int height = (int) x.size(2) * toPixels;
    int width = (int) x.size(3) * toPixels;
    long pixels = (long) height * width;
    long rows = tiling.pixels() / pixels;
    long largest = encode ? config.largestEncoded(pixels) : config.largestDecoded(pixels);
    if (arrangesChannelsLast(largest)) {
      // How an image is arranged must not depend on the number of images.
      rows = Math.min(rows, MOST_VALUES / largest);
    }
    if (rows >= x.size(0)) {
      return network.apply(x);
    }
    try (TensorScope scope = new TensorScope()) {
      List<Tensor> parts = new ArrayList<>();
      for (long row = 0; row < x.size(0); row += Math.max(1, rows)) {
        Tensor part = x.narrow(0, row, Math.min(Math.max(1, rows), x.size(0) - row));
        parts.add(rows > 0 ? network.apply(part) : tiled(part, height, width, encode, network));
      }
      return scope.keep(Ops.cat(0, parts));
    }
  }

  /** Runs {@code network} on overlapping tiles of {@code x [1, I, .., ..]} and blends them. */
  private Tensor tiled(
      Tensor x, int height, int width, boolean encode, UnaryOperator<Tensor> network) {
    Compute compute = weights.compute();
    Tiling.Axis rows = tiling.axis(height, scaleFactor());
    Tiling.Axis columns = tiling.axis(width, scaleFactor());
    // Tiles are cut at latent positions. Each of these is `in` positions of x and `out` positions
    // of the result.
    int in = encode ? scaleFactor() : 1;
    int out = encode ? 1 : scaleFactor();
    int channels = encode ? latentChannels() : VaeConfig.IMAGE_CHANNELS;
    try (TensorScope scope = new TensorScope()) {
      TensorOptions options = compute.options(ScalarType.Float);
      Tensor sum =
          Ops.zeros(
              options, 1, channels, (long) rows.length() * out, (long) columns.length() * out);
      for (int i = 0; i < rows.count(); i++) {
        for (int j = 0; j < columns.count(); j++) {
          try (TensorScope tileScope = new TensorScope()) {
            Tensor tile = network.apply(cut(x, rows, i, columns, j, in));
            // [h] -> [h, 1], times [w]: [h, w]
            Tensor shares =
                rows.shares(i, out, compute).unsqueeze(1).mul(columns.shares(j, out, compute));
            cut(sum, rows, i, columns, j, out).add_(tile.mul(shares));
          }
        }
      }
      return scope.keep(sum);
    }
  }

  private static Tensor cut(
      Tensor x, Tiling.Axis rows, int i, Tiling.Axis columns, int j, int fine) {
    return x.narrow(2, (long) rows.start(i) * fine, (long) rows.tile() * fine)
        .narrow(3, (long) columns.start(j) * fine, (long) columns.tile() * fine);
  }

  private Tensor perChannel(double[] values) {
    float[] floats = new float[values.length];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = (float) values[i];
    }
    return Ops.to(Ops.of(floats, 1, floats.length, 1, 1), weights.compute(), ScalarType.Float);
  }

  private static void checkShape(String what, Tensor x, int channels) {
    if (x.dim() != 4 || x.size(1) != channels || Ops.isEmpty(x)) {
      throw new IllegalArgumentException(
          "Cannot "
              + what
              + " a tensor of shape "
              + Arrays.toString(Ops.shape(x))
              + ", expected [B, "
              + channels
              + ", H, W]");
    }
  }

  /** Frees the weights. */
  @Override
  public void close() {
    weights.close();
  }
}
