package io.glmimage.model.processor;

import io.glmimage.error.InvalidRequestException;
import io.glmimage.image.PixelSize;
import io.glmimage.model.OutputLimits;
import io.glmimage.request.EditRequest;
import java.util.List;

/**
 * The size of the edited image. Each side is decided on its own: the request's, else the first
 * source's, else 1024 (text-to-image). It is then floored to whole tokens of 32 pixels.
 *
 * <p>A requested side must lie between 32 pixels and the limit. A size taken from a source always
 * fits: sides under 32 become 32, and a source above the limit is scaled down to it, keeping its
 * aspect ratio.
 *
 * @param maxSide the largest side in pixels
 */
public record OutputSize(int maxSide) {
  public OutputSize {
    if (maxSide < OutputLimits.MIN_SIDE) {
      throw new IllegalArgumentException(
          "Invalid largest output side: "
              + maxSide
              + ", expected at least "
              + OutputLimits.MIN_SIDE);
    }
  }

  /** The model's limits. */
  public OutputSize() {
    this(OutputLimits.MAX_SIDE);
  }

  /**
   * The output size of a request.
   *
   * @throws InvalidRequestException if a requested side is too small or too large
   */
  public PixelSize of(EditRequest request) {
    List<PixelSize> sources =
        request.sources().stream().map(s -> new PixelSize(s.height(), s.width())).toList();
    return of(request.id(), request.height(), request.width(), sources);
  }

  /**
   * The output size, from sizes alone.
   *
   * @param height requested height in pixels, or null
   * @param width requested width in pixels, or null
   * @throws InvalidRequestException if a requested side is too small or too large
   */
  public PixelSize of(String id, Integer height, Integer width, List<PixelSize> sources) {
    int side = Math.min(OutputLimits.DEFAULT_SIDE, maxSide);
    PixelSize unrequested = sources.isEmpty() ? new PixelSize(side, side) : fit(sources.get(0));
    return new PixelSize(
        side(id, "height", height, unrequested.height()),
        side(id, "width", width, unrequested.width()));
  }

  private PixelSize fit(PixelSize source) {
    double scale = Math.min(1, (double) maxSide / Math.max(source.height(), source.width()));
    return new PixelSize(
        Math.max(OutputLimits.MIN_SIDE, (int) Math.round(source.height() * scale)),
        Math.max(OutputLimits.MIN_SIDE, (int) Math.round(source.width() * scale)));
  }

  private int side(String id, String name, Integer requested, int unrequested) {
    int pixels = requested == null ? unrequested : requested;
    if (pixels < OutputLimits.MIN_SIDE || pixels > maxSide) {
      throw new InvalidRequestException(
          "Cannot edit request "
              + id
              + ": "
              + name
              + " "
              + pixels
              + " is not between "
              + OutputLimits.MIN_SIDE
              + " and "
              + maxSide
              + " pixels");
    }
    return pixels / OutputLimits.TOKEN_PIXELS * OutputLimits.TOKEN_PIXELS;
  }
}
