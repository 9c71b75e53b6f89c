package io.glmimage.job;

import io.glmimage.manifest.EditDefaults;
import io.glmimage.request.EditRequest;
import picocli.CommandLine.Option;

/** Options that hold for rows that do not say otherwise. */
final class DefaultsFlags {
  @Option(
      names = "--steps",
      paramLabel = "N",
      description =
          "Denoising steps (1 to "
              + EditDefaults.MAX_STEPS
              + ") of rows without num_inference_steps. Default: "
              + EditRequest.DEFAULT_STEPS
              + ".")
  private int steps = EditRequest.DEFAULT_STEPS;

  @Option(
      names = {"--guidance", "--guidance-scale"},
      paramLabel = "X",
      description =
          "Classifier-free guidance (0 to 100; 1 or less switches it off and halves the time) of"
              + " rows without guidance_scale. Default: "
              + EditRequest.DEFAULT_GUIDANCE_SCALE
              + ".")
  private double guidance = EditRequest.DEFAULT_GUIDANCE_SCALE;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description =
          "The job's seed (64-bit). Rows without a seed get one derived from it and their id,"
              + " whatever their partition. Default: 0.")
  private long seed;

  @Option(
      names = "--height",
      paramLabel = "PIXELS",
      description =
          "Output height of rows without height; rounded down to a multiple of 32. Default: the"
              + " first source's; text-to-image: 1024.")
  private Integer height;

  @Option(
      names = "--width",
      paramLabel = "PIXELS",
      description =
          "Output width of rows without width; rounded down to a multiple of 32. Default: the first"
              + " source's; text-to-image: 1024.")
  private Integer width;

  @Option(
      names = "--max-pixels",
      paramLabel = "N",
      description =
          "Largest output (height times width, in pixels); a row that asks for more fails. Default:"
              + " "
              + EditDefaults.DEFAULT_MAX_PIXELS
              + " (2048 x 2048).")
  private long maxPixels = EditDefaults.DEFAULT_MAX_PIXELS;

  @Option(
      names = "--step-cache",
      paramLabel = "X",
      description =
          "Step caching: the transformer's blocks run again only when this part (0 to 1) of the"
              + " denoising schedule has gone by; steps between reuse what they gave. Faster, less"
              + " exact. Default: 0 (they run in every step).")
  private double stepCache = EditRequest.DEFAULT_STEP_CACHE;

  EditDefaults options() {
    return new EditDefaults(seed, steps, guidance, height, width, maxPixels, stepCache);
  }
}
