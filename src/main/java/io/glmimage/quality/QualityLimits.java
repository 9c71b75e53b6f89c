package io.glmimage.quality;

import io.glmimage.error.UsageException;
import java.io.Serializable;

/**
 * When an edited image is flagged. The flags are a function of {@link QualityFigures}, so that
 * other limits can be applied to stored figures.
 *
 * @param minChange an image is {@link QualityFlag#UNCHANGED} if a smaller fraction of its pixels
 *     changed; 0 to never flag that
 * @param maxChange an image is {@link QualityFlag#DESTROYED} if a larger fraction of its pixels
 *     changed and its structural similarity is below {@value #DESTROYED_SSIM}; 1 to never flag that
 */
public record QualityLimits(double minChange, double maxChange) implements Serializable {
  public static final double DEFAULT_MIN_CHANGE = 0.002;
  public static final double DEFAULT_MAX_CHANGE = 0.95;

  /** Recolouring a whole image keeps its structure; an image below this has lost it. */
  public static final double DESTROYED_SSIM = 0.2;

  /** An image with at least this flatness may be {@link QualityFlag#FLAT}. */
  public static final double FLAT_FLATNESS = 0.995;

  /**
   * A flat image with a source is {@link QualityFlag#FLAT} if at least this fraction of its pixels
   * changed. Removing the only object from a plain background changes less.
   */
  public static final double FLAT_CHANGE = 0.5;

  public QualityLimits {
    check("--min-change", minChange);
    check("--max-change", maxChange);
    if (minChange > maxChange) {
      throw new UsageException(
          "Invalid --min-change: " + minChange + ", expected at most --max-change " + maxChange);
    }
  }

  private static void check(String option, double value) {
    if (!(value >= 0 && value <= 1)) {
      throw new UsageException("Invalid " + option + ": " + value + ", expected 0 to 1");
    }
  }

  /** The verdict. If several flags apply, the first of UNCHANGED, FLAT and DESTROYED is given. */
  public QualityFlag flag(QualityFigures figures) {
    Double changed = figures.changedFraction();
    if (changed != null && changed < minChange) {
      return QualityFlag.UNCHANGED;
    }
    if (figures.flatness() >= FLAT_FLATNESS && (changed == null || changed >= FLAT_CHANGE)) {
      return QualityFlag.FLAT;
    }
    return changed != null && changed > maxChange && figures.ssim() < DESTROYED_SSIM
        ? QualityFlag.DESTROYED
        : QualityFlag.OK;
  }

  /**
   * How bad an image is, to choose among several images of one row: 0 without a flag. Any unchanged
   * image is better than a destroyed one, and that better than a flat one. Among unchanged images,
   * more change is better; among destroyed ones, more likeness.
   */
  public double badness(QualityFigures figures) {
    return switch (flag(figures)) {
      case OK -> 0;
      case UNCHANGED -> 1 - figures.changedFraction();
      case DESTROYED -> 2 - figures.ssim() / 2;
      case FLAT -> 3 + figures.flatness();
    };
  }
}
