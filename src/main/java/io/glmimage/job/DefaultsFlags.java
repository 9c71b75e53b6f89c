package io.glmimage.job;

import io.glmimage.manifest.EditDefaults;
import io.glmimage.model.OutputLimits;
import io.glmimage.request.EditRequest;
import picocli.CommandLine.Option;

/** Options for rows that leave a value open. */
final class DefaultsFlags {
  @Option(
      names = "--steps",
      paramLabel = "N",
      description =
          "Denoising steps (1 to "
              + EditDefaults.MAX_STEPS
              + ") of rows without num_inference_steps. Default: ${DEFAULT-VALUE}.")
  private int steps = EditRequest.DEFAULT_STEPS;

  @Option(
      names = {"--guidance", "--guidance-scale"},
      paramLabel = "X",
      description =
          "Guidance scale (0 to 100) of rows without guidance_scale. 1 or less switches"
              + " classifier-free guidance off, which halves the denoising time. Default:"
              + " ${DEFAULT-VALUE}.")
  private double guidance = EditRequest.DEFAULT_GUIDANCE_SCALE;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description =
          "Base seed (64-bit). A row without seed gets one derived from this and from its id, which is"
              + " given or made from its content. Default: ${DEFAULT-VALUE}.")
  private long seed;

  @Option(
      names = "--height",
      paramLabel = "PIXELS",
      description =
          "Output height of rows without height ("
              + OutputLimits.MIN_SIDE
              + " to "
              + OutputLimits.MAX_SIDE
              + "), rounded down to a multiple of 32. Default: that of the first source image;"
              + " text-to-image: "
              + OutputLimits.DEFAULT_SIDE
              + ".")
  private Integer height;

  @Option(
      names = "--width",
      paramLabel = "PIXELS",
      description =
          "Output width of rows without width ("
              + OutputLimits.MIN_SIDE
              + " to "
              + OutputLimits.MAX_SIDE
              + "), rounded down to a multiple of 32. Default: that of the first source image;"
              + " text-to-image: "
              + OutputLimits.DEFAULT_SIDE
              + ".")
  private Integer width;

  @Option(
      names = "--max-pixels",
      paramLabel = "N",
      description =
          "Largest output, height times width. A row that asks for more fails. Default:"
              + " ${DEFAULT-VALUE} (2048 x 2048).")
  private long maxPixels = EditDefaults.DEFAULT_MAX_PIXELS;

  @Option(
      names = "--step-cache",
      paramLabel = "X",
      defaultValue = "0",
      description =
          "Step caching: recompute the transformer blocks only after the time embedding has moved by"
              + " a fraction X (0 to 1) of its total change. Other steps reuse the last block output:"
              + " faster, less exact. Default: ${DEFAULT-VALUE} (recompute in every step).")
  private double stepCache;

  EditDefaults options() {
    return new EditDefaults(seed, steps, guidance, height, width, maxPixels, stepCache);
  }
}
