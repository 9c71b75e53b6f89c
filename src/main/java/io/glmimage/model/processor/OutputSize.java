package io.glmimage.model.processor;

import io.glmimage.error.InvalidRequestException;
import io.glmimage.image.PixelSize;
import io.glmimage.request.EditRequest;
import java.util.List;

/**
 * The size of the picture to make. Each side is, on its own, the request's, else the first
 * source's, else 1024 (text-to-image), floored to whole tokens of 32 pixels.
 *
 * <p>Sides that are asked for must lie between 32 pixels and the limit. A size taken from a source
 * always fits: sides under 32 become 32, and a source larger than the limit is scaled down to it in
 * its own shape.
 *
 * @param maxSide the largest side in pixels
 */
public record OutputSize(int maxSide) {
  /** Pixels of one token's side. */
  public static final int TOKEN_PIXELS = 32;

  /** Of text-to-image without a size, in pixels. */
  public static final int DEFAULT_SIDE = 1024;

  public static final int DEFAULT_MAX_SIDE = 4096;

  public OutputSize {
    if (maxSide < TOKEN_PIXELS) {
      throw new IllegalArgumentException(
          "Invalid largest output side: " + maxSide + ", expected at least " + TOKEN_PIXELS);
    }
  }

  /**
   * @throws InvalidRequestException if a side that is asked for is too small or too large
   */
  public PixelSize of(EditRequest request) {
    List<PixelSize> sources =
        request.sources().stream().map(s -> new PixelSize(s.height(), s.width())).toList();
    return of(request.id(), request.height(), request.width(), sources);
  }

  /**
   * The same by sizes alone.
   *
   * @throws InvalidRequestException if a side that is asked for is too small or too large
   */
  public PixelSize of(String id, Integer height, Integer width, List<PixelSize> sources) {
    PixelSize otherwise =
        sources.isEmpty()
            ? new PixelSize(Math.min(DEFAULT_SIDE, maxSide), Math.min(DEFAULT_SIDE, maxSide))
            : fit(sources.get(0));
    return new PixelSize(
        side(id, "height", height, otherwise.height()),
        side(id, "width", width, otherwise.width()));
  }

  private PixelSize fit(PixelSize source) {
    double scale = Math.min(1, (double) maxSide / Math.max(source.height(), source.width()));
    return new PixelSize(
        Math.max(TOKEN_PIXELS, (int) Math.round(source.height() * scale)),
        Math.max(TOKEN_PIXELS, (int) Math.round(source.width() * scale)));
  }

  private int side(String id, String name, Integer requested, int otherwise) {
    int pixels = requested == null ? otherwise : requested;
    if (pixels < TOKEN_PIXELS || pixels > maxSide) {
      throw new InvalidRequestException(
          "Cannot edit request "
              + id
              + ": "
              + name
              + " "
              + pixels
              + " is not between "
              + TOKEN_PIXELS
              + " and "
              + maxSide
              + " pixels");
    }
    return pixels / TOKEN_PIXELS * TOKEN_PIXELS;
  }
}
