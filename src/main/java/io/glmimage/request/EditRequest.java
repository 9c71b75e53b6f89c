package io.glmimage.request;

import io.glmimage.image.RgbImage;
import java.util.List;
import java.util.Objects;

/**
 * One picture to make: an edit of one or several source images, or text-to-image where there are
 * none.
 *
 * @param id names the request in messages
 * @param prompt what to do
 * @param sources decoded source images, upright; empty for text-to-image
 * @param height output height in pixels, or null for the first source's (text-to-image: 1024)
 * @param width output width in pixels, or null for the first source's (text-to-image: 1024)
 * @param steps number of denoising steps, at least 1
 * @param guidanceScale classifier-free guidance; 1 or less runs the conditional pass only
 * @param seed keys all random numbers of this request
 * @param stepCache the part of the schedule (0 to 1) that goes by before the transformer's blocks
 *     run again: faster, less exact; 0, the default, runs them in every step
 */
public record EditRequest(
    String id,
    String prompt,
    List<RgbImage> sources,
    Integer height,
    Integer width,
    int steps,
    double guidanceScale,
    long seed,
    double stepCache) {
  public static final int DEFAULT_STEPS = 50;
  public static final double DEFAULT_GUIDANCE_SCALE = 1.5;
  public static final double DEFAULT_STEP_CACHE = 0;

  public EditRequest {
    Objects.requireNonNull(id, "id");
    Objects.requireNonNull(prompt, "prompt");
    sources = List.copyOf(sources);
  }

  /** Every step computed. */
  public EditRequest(
      String id,
      String prompt,
      List<RgbImage> sources,
      Integer height,
      Integer width,
      int steps,
      double guidanceScale,
      long seed) {
    this(id, prompt, sources, height, width, steps, guidanceScale, seed, DEFAULT_STEP_CACHE);
  }
}
