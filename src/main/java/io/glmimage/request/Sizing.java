package io.glmimage.request;

import java.io.Serializable;

/**
 * How the size of an edited image is decided.
 *
 * @param exact whether the edited image has exactly the requested size, or that of the first source
 *     image; otherwise its sides are rounded down to multiples of 32
 * @param largeSources what happens if the size of the first source image is wanted and it is larger
 *     than the model takes
 * @param maxPixels largest size, in pixels, that is taken from a source image
 */
public record Sizing(boolean exact, LargeSources largeSources, long maxPixels)
    implements Serializable {
  public static final long DEFAULT_MAX_PIXELS = 2048L * 2048;

  public static final Sizing DEFAULT = new Sizing(true, LargeSources.FIT, DEFAULT_MAX_PIXELS);
}
