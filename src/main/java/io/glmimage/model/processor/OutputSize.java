package io.glmimage.model.processor;

import io.glmimage.error.InvalidRequestException;
import io.glmimage.image.PixelSize;
import io.glmimage.model.Grid;
import io.glmimage.model.OutputLimits;
import io.glmimage.request.EditRequest;
import io.glmimage.request.LargeSources;
import io.glmimage.request.Sizing;
import java.io.Serializable;
import java.util.List;

/**
 * The size of the edited image, and the size at which the model generates it. Each side is decided
 * on its own.
 *
 * <ul>
 *   <li>A side that is not requested is that of the first source image. The model generates it on
 *       the grid of tokens at which it reads that source, so that both are aligned, and the result
 *       is resized. Text-to-image has sides of 1024.
 *   <li>A requested side is rounded up to whole tokens of 32 pixels. An edit is then resized and
 *       not cut, so that it shows the same scene as its source. For text-to-image, which has
 *       nothing to be aligned with, the middle is cut out: its pixels stay as they were generated.
 *   <li>A source image is too large if a side is longer than the processor reads, or if it has more
 *       pixels than {@link Sizing#maxPixels}.
 * </ul>
 *
 * <p>With {@code exact} off, sides are floored to whole tokens, as in the reference, and nothing is
 * resized or cut.
 */
public final class OutputSize implements Serializable {
  private static final long serialVersionUID = 1;

  private static final int TOKEN = OutputLimits.TOKEN_PIXELS;
  private static final int MAX_SIDE = OutputLimits.MAX_SIDE;

  /** What the published checkpoint's processor reads. */
  private static final int PUBLISHED_SHORTEST = 512;

  private static final int PUBLISHED_LONGEST = 2048;

  private final SmartResize rule;
  private final int patch;

  OutputSize(SmartResize rule, int patch) {
    this.rule = rule;
    this.patch = patch;
  }

  /** The rule if the checkpoint is not known: no limits of a processor. */
  public static OutputSize ofAnyCheckpoint() {
    return limited(TOKEN, MAX_SIDE);
  }

  /** The rule of the published checkpoint. */
  public static OutputSize ofPublishedCheckpoint() {
    return limited(PUBLISHED_SHORTEST, PUBLISHED_LONGEST);
  }

  private static OutputSize limited(int shortest, int longest) {
    int patch = TOKEN / 2;
    return new OutputSize(new SmartResize(patch, shortest * shortest, longest * longest), patch);
  }

  /**
   * The sizes of a request.
   *
   * @throws InvalidRequestException if a requested side is too small or too large, or the first
   *     source image cannot be used
   */
  public SizePlan of(EditRequest request) {
    List<PixelSize> sources =
        request.sources().stream().map(s -> new PixelSize(s.height(), s.width())).toList();
    return of(request.id(), request.height(), request.width(), sources, request.sizing());
  }

  /**
   * The sizes of an edit, from sizes alone.
   *
   * @param height requested height in pixels, or null
   * @param width requested width in pixels, or null
   * @throws InvalidRequestException as {@link #of(EditRequest)}
   */
  public SizePlan of(
      String id, Integer height, Integer width, List<PixelSize> sources, Sizing sizing) {
    check(id, "height", height);
    check(id, "width", width);
    if (sources.isEmpty()) {
      return textToImage(height, width, sizing);
    }
    PixelSize source = sources.get(0);
    SmartResize.checkAspect(source);
    boolean open = height == null || width == null;
    PixelSize fitted = open ? fitted(id, source, sizing) : source;
    PixelSize wanted = sizing.largeSources() == LargeSources.UPSCALE ? source : fitted;
    PixelSize output =
        new PixelSize(
            height == null ? wanted.height() : height, width == null ? wanted.width() : width);
    if (!sizing.exact()) {
      PixelSize floored = floored(output);
      PixelSize generated =
          floored(
              new PixelSize(
                  height == null ? fitted.height() : height,
                  width == null ? fitted.width() : width));
      return new SizePlan(generated, floored, false, grid(source), scale(source, floored));
    }
    Grid grid = grid(fitted);
    PixelSize generated =
        new PixelSize(
            generated(height, source.height(), grid.rows() * TOKEN),
            generated(width, source.width(), grid.columns() * TOKEN));
    return new SizePlan(generated, output, false, grid, scale(source, output));
  }

  private static SizePlan textToImage(Integer height, Integer width, Sizing sizing) {
    PixelSize wanted =
        new PixelSize(
            height == null ? OutputLimits.DEFAULT_SIDE : height,
            width == null ? OutputLimits.DEFAULT_SIDE : width);
    PixelSize generated =
        sizing.exact()
            ? new PixelSize(roundedUp(wanted.height()), roundedUp(wanted.width()))
            : floored(wanted);
    return new SizePlan(generated, sizing.exact() ? wanted : generated, true, null, null);
  }

  /**
   * @param requested null to take the side of the source
   * @param aligned the side on the source's grid
   */
  private static int generated(Integer requested, int source, int aligned) {
    if (requested == null) {
      return aligned;
    }
    // Asking for the source's size is as asking for none, unless the processor reduces the source.
    boolean sourceSide = requested == source && requested % TOKEN != 0;
    return sourceSide && aligned > requested - TOKEN ? aligned : roundedUp(requested);
  }

  private PixelSize fitted(String id, PixelSize source, Sizing sizing) {
    // The reference floors the size of every source that it can read at all.
    int longest = sizing.exact() ? Math.min(MAX_SIDE, rule.longestEdge()) : MAX_SIDE;
    boolean fails = sizing.largeSources() == LargeSources.FAIL;
    PixelSize fitted =
        sizing.exact() || !fails ? fitted(source, longest, sizing.maxPixels()) : source;
    if (fails && !fitted.equals(source)) {
      throw new InvalidRequestException(
          "Cannot edit request "
              + id
              + ": its source image of "
              + source
              + " pixels is larger than "
              + fitted
              + ", the largest size that fits; choose fit or upscale for large sources, or request a"
              + " size");
    }
    // Without a fit, only the limit of a side holds.
    return fitted(fitted, MAX_SIDE, Long.MAX_VALUE);
  }

  /**
   * The largest size in the aspect ratio of the source that keeps within limits; the source's own
   * size if it does.
   *
   * @param longest limit of the longer side
   */
  public static PixelSize fitted(PixelSize source, int longest, long maxPixels) {
    long high = Math.max(source.height(), source.width());
    long low = Math.min(source.height(), source.width());
    if (high <= longest && high * low <= maxPixels) {
      return source;
    }
    double scale = Math.min((double) longest / high, Math.sqrt((double) maxPixels / (high * low)));
    long side = (long) Math.floor(high * Math.min(1, scale) + 1e-6);
    while (side > 1 && side * shortSide(side, high, low) > maxPixels) {
      side--;
    }
    int longSide = (int) Math.max(1, side);
    int shortSide = (int) shortSide(longSide, high, low);
    return source.height() >= source.width()
        ? new PixelSize(longSide, shortSide)
        : new PixelSize(shortSide, longSide);
  }

  /** Rounded to nearest, but never beyond an aspect ratio that the source keeps to. */
  private static long shortSide(long longSide, long high, long low) {
    long side = Math.max(1, Math.round((double) longSide * low / high));
    boolean within = high <= SmartResize.MAX_ASPECT_RATIO * low;
    return within && longSide > SmartResize.MAX_ASPECT_RATIO * side ? side + 1 : side;
  }

  private Grid grid(PixelSize source) {
    PixelSize size = rule.of(source);
    return new Grid(size.height() / patch, size.width() / patch);
  }

  /** The ratio of two sizes; null if they differ in aspect ratio by more than rounding. */
  private static Double scale(PixelSize source, PixelSize output) {
    boolean tall = source.height() >= source.width();
    double scale =
        tall
            ? (double) output.height() / source.height()
            : (double) output.width() / source.width();
    double otherSide = scale * (tall ? source.width() : source.height());
    return Math.abs(otherSide - (tall ? output.width() : output.height())) < 1 ? scale : null;
  }

  private static PixelSize floored(PixelSize size) {
    return new PixelSize(floored(size.height()), floored(size.width()));
  }

  private static int floored(int side) {
    return Math.max(OutputLimits.MIN_SIDE, side / TOKEN * TOKEN);
  }

  private static int roundedUp(int side) {
    return (side + TOKEN - 1) / TOKEN * TOKEN;
  }

  private static void check(String id, String name, Integer requested) {
    if (requested != null && (requested < OutputLimits.MIN_SIDE || requested > MAX_SIDE)) {
      throw new InvalidRequestException(
          "Cannot edit request "
              + id
              + ": "
              + name
              + " "
              + requested
              + " is not between "
              + OutputLimits.MIN_SIDE
              + " and "
              + MAX_SIDE
              + " pixels");
    }
  }
}
