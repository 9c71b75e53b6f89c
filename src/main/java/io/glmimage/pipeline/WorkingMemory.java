package io.glmimage.pipeline;

import io.glmimage.image.PixelSize;
import io.glmimage.model.OutputLimits;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * An estimate of the memory that edits take beside the weights, for images with one source image of
 * the same size. The large buffers are counted; they grow with the number of pixels. On a GPU, the
 * rest is a constant that makes the estimate equal to a measurement.
 *
 * @param prior bytes of the prior's keys and values, for all rows that are decoded together
 * @param sources bytes of the transformer's keys and values, for one row
 * @param decoding bytes of activations when the image is decoded
 * @param runtime bytes of everything else
 */
public record WorkingMemory(long prior, long sources, long decoding, long runtime) {
  /** The smallest side that the published model was made for. */
  public static final PixelSize SMALL = new PixelSize(512, 512);

  public static final PixelSize MEDIUM =
      new PixelSize(OutputLimits.DEFAULT_SIDE, OutputLimits.DEFAULT_SIDE);

  /** The largest side that the published model was made for. */
  public static final PixelSize LARGE = new PixelSize(2048, 2048);

  /**
   * Edits of 1024 x 1024 pixels, 32 rows together, had 48.6 GB in use on an H100, with 35.3 GB of
   * weights: this much more than the counted buffers. It is the CUDA context, workspaces of cuBLAS
   * and cuDNN, and memory that libtorch keeps for the next allocation.
   */
  static final long GPU_RUNTIME = 3_000_000_000L;

  /**
   * The same if memory is short, so that libtorch returns what it keeps before it asks for more:
   * the CUDA context, workspaces and the transformer's activations. Computed, not measured.
   */
  static final long GPU_RUNTIME_IN_PHASES = 2_500_000_000L;

  /** Tokens of the text around the images. Prompts are mostly shorter. */
  private static final int TEXT_TOKENS = 64;

  /**
   * @param rows decoded together
   * @param dtype of the activations
   */
  static WorkingMemory of(Components parts, PixelSize size, int rows, ScalarType dtype) {
    long bytes = dtype == ScalarType.Float ? 4 : 2;
    long pixels = (long) size.height() * size.width();
    int tokens = (int) (pixels / (OutputLimits.TOKEN_PIXELS * OutputLimits.TOKEN_PIXELS));
    // A prior token stands for 2 x 2 tokens of the transformer. Source and target have as many. In
    // fp8, GPUs with e4m3 attention keep half of the transformer's bytes. Whether a GPU has it is
    // known only when the network is loaded, and smaller cards don't.
    return new WorkingMemory(
        bytes * parts.prior().cacheValues(rows, 2 * tokens + TEXT_TOKENS),
        bytes * parts.transformer().cacheValues(4 * 2 * tokens + TEXT_TOKENS),
        bytes * parts.vae().activationValues(pixels),
        dtype == ScalarType.Float ? 0 : GPU_RUNTIME);
  }

  /** The counted buffers. They are needed at any rate. */
  public long counted() {
    return prior + sources + decoding;
  }

  public long bytes() {
    return counted() + runtime;
  }

  /**
   * The same with fewer rows decoded together.
   *
   * @param all rows that {@link #prior} counts
   */
  WorkingMemory ofRows(int rows, int all) {
    return new WorkingMemory(prior / all * rows, sources, decoding, runtime);
  }

  /** The largest of the counted buffers, which do not exist at the same time if each is freed. */
  long countedInPhases() {
    return Math.max(prior, Math.max(sources, decoding));
  }

  /** As {@link #bytes}, if each of the counted buffers is freed before the next is needed. */
  public long inPhases() {
    return countedInPhases() + Math.min(runtime, GPU_RUNTIME_IN_PHASES);
  }
}
