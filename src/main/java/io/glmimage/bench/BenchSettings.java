package io.glmimage.bench;

import io.glmimage.model.Grid;
import io.glmimage.model.OutputLimits;
import io.glmimage.request.Solver;

/**
 * What to measure.
 *
 * @param height of sources and edited images in pixels, a multiple of 32
 * @param width of sources and edited images in pixels, a multiple of 32
 * @param steps denoising steps of an edit
 * @param guidance guidance scale of an edit
 * @param solver solver of an edit
 * @param stepCache step cache threshold of an edit, 0 for none
 * @param edits edits of the end-to-end measurement, decoded together
 * @param sources source images of an edit
 * @param textTokens length of the prompt's text in tokens
 * @param peak of the device, for the floors
 */
public record BenchSettings(
    int height,
    int width,
    int steps,
    double guidance,
    Solver solver,
    double stepCache,
    int edits,
    int sources,
    int textTokens,
    Peak peak) {
  /**
   * What the device achieves at best.
   *
   * @param teraflops of matrix products in the compute dtype
   * @param terabytes memory bandwidth in TB/s
   */
  public record Peak(double teraflops, double terabytes) {}

  public BenchSettings {
    int multiple = OutputLimits.TOKEN_PIXELS;
    if (height % multiple != 0 || width % multiple != 0 || height <= 0 || width <= 0) {
      throw new IllegalArgumentException(
          "Invalid size: " + width + " x " + height + ", expected multiples of " + multiple);
    }
    if (!(stepCache >= 0 && stepCache <= 1)) {
      throw new IllegalArgumentException("Invalid step cache: " + stepCache + ", expected 0 to 1");
    }
    if (solver.cacheProblem(stepCache) != null) {
      throw new IllegalArgumentException("Invalid step cache: " + solver.cacheProblem(stepCache));
    }
    if (steps < 1 || edits < 1 || sources < 0 || textTokens < 1) {
      throw new IllegalArgumentException(
          "Invalid benchmark: steps, edits and text tokens must be at least 1");
    }
  }

  /** The prior's token grid of sources and edited images. */
  Grid grid() {
    return new Grid(height / OutputLimits.TOKEN_PIXELS, width / OutputLimits.TOKEN_PIXELS);
  }
}
