package io.glmimage.request;

import io.glmimage.image.Mask;
import io.glmimage.image.RgbImage;
import java.util.List;
import java.util.Objects;

/**
 * A request for one image: an edit of one or several source images, or text-to-image if there are
 * no source images.
 *
 * @param id identifies the request in messages
 * @param prompt describes the edit
 * @param sources decoded source images, upright; empty for text-to-image
 * @param height output height in pixels; null for that of the first source image (text-to-image:
 *     1024)
 * @param width output width in pixels; null for that of the first source image (text-to-image:
 *     1024)
 * @param steps number of denoising steps, at least 1
 * @param guidanceScale classifier-free guidance; with 1 or less only the conditional pass runs
 * @param seed determines all random numbers of this request
 * @param stepCache fraction (0 to 1) of its total change by which the time embedding moves before
 *     the transformer blocks are recomputed: faster, less exact; 0, the default, recomputes them in
 *     every step
 * @param solver how the denoising loop gets from one noise level to the next
 * @param sizing how the size of the edited image is decided
 * @param mask the part of the first source image that may change; null if all of it may
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
    double stepCache,
    Solver solver,
    Sizing sizing,
    Mask mask) {
  public static final int DEFAULT_STEPS = 50;
  public static final double DEFAULT_GUIDANCE_SCALE = 1.5;
  public static final double DEFAULT_STEP_CACHE = 0;
  public static final Solver DEFAULT_SOLVER = Solver.EULER;

  public EditRequest {
    Objects.requireNonNull(id, "id");
    Objects.requireNonNull(prompt, "prompt");
    sources = List.copyOf(sources);
    Objects.requireNonNull(solver, "solver");
    Objects.requireNonNull(sizing, "sizing");
  }

  /** A request with the default sizing. */
  public EditRequest(
      String id,
      String prompt,
      List<RgbImage> sources,
      Integer height,
      Integer width,
      int steps,
      double guidanceScale,
      long seed,
      double stepCache) {
    this(id, prompt, sources, height, width, steps, guidanceScale, seed, stepCache, Sizing.DEFAULT);
  }

  /** The same request with another seed. */
  public EditRequest withSeed(long other) {
    return with(other, solver, mask);
  }

  /**
   * The same request with a mask.
   *
   * @param other of the size of the first source image; null for none
   */
  public EditRequest withMask(Mask other) {
    return with(seed, solver, other);
  }

  /** The same request with another solver. */
  public EditRequest withSolver(Solver other) {
    return with(seed, other, mask);
  }

  private EditRequest with(long otherSeed, Solver otherSolver, Mask otherMask) {
    return new EditRequest(
        id,
        prompt,
        sources,
        height,
        width,
        steps,
        guidanceScale,
        otherSeed,
        stepCache,
        otherSolver,
        sizing,
        otherMask);
  }

  /** A request with the default solver, without a mask. */
  public EditRequest(
      String id,
      String prompt,
      List<RgbImage> sources,
      Integer height,
      Integer width,
      int steps,
      double guidanceScale,
      long seed,
      double stepCache,
      Sizing sizing) {
    this(
        id,
        prompt,
        sources,
        height,
        width,
        steps,
        guidanceScale,
        seed,
        stepCache,
        DEFAULT_SOLVER,
        sizing,
        null);
  }

  /** A request that recomputes the transformer blocks in every step. */
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
