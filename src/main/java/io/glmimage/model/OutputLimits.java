package io.glmimage.model;

/**
 * The limits of an output side, in pixels. They are the model's: no option raises them. Manifest
 * checks and the pipeline both read them here.
 */
public final class OutputLimits {
  /** Side of the square of pixels that one prior token stands for. Output sides are multiples. */
  public static final int TOKEN_PIXELS = 32;

  /** The smallest side: one prior token. */
  public static final int MIN_SIDE = TOKEN_PIXELS;

  /** The largest side. GLM-Image is made for sides up to 2048; larger ones run, but slowly. */
  public static final int MAX_SIDE = 4096;

  /** Both sides of a text-to-image request without a size. */
  public static final int DEFAULT_SIDE = 1024;

  private OutputLimits() {}
}
