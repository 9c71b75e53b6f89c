package io.glmimage.quality;

import io.glmimage.error.UsageException;
import java.io.Serializable;

/**
 * How edited images are judged, and what follows from it.
 *
 * @param limits when an image is flagged
 * @param retries how often a flagged row is edited again with another seed
 * @param changeMaps whether a map of what changed is written for each row with a source image
 * @param keepUnchanged whether pixels that did not change visibly are replaced by the source's
 */
public record QualityOptions(
    QualityLimits limits, int retries, boolean changeMaps, boolean keepUnchanged)
    implements Serializable {
  public static final int MAX_RETRIES = 20;

  /** The defaults of the command line. */
  public static final QualityOptions DEFAULT =
      new QualityOptions(
          new QualityLimits(QualityLimits.DEFAULT_MIN_CHANGE, QualityLimits.DEFAULT_MAX_CHANGE),
          0,
          false,
          false);

  public QualityOptions {
    if (retries < 0 || retries > MAX_RETRIES) {
      throw new UsageException(
          "Invalid --retry-flagged: " + retries + ", expected 0 to " + MAX_RETRIES);
    }
  }

  /**
   * The settings that affect the edited image, other than the row and the model; empty for the
   * defaults.
   */
  public String fingerprint() {
    return (keepUnchanged ? " keep-unchanged" : "")
        + (retries == 0
            ? ""
            : " retry-flagged " + retries + " " + limits.minChange() + " " + limits.maxChange());
  }
}
