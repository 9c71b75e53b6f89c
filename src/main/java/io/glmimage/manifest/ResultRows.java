package io.glmimage.manifest;

import java.util.Locale;

/**
 * Which rows of a result table are edited when the table is a manifest, and what is their source.
 */
public enum ResultRows {
  /** Rows with an edited image, which is the source image. */
  EDITED,

  /** Rows whose edited image has a flag, with the source images of the first run. */
  FLAGGED,

  /** All rows, with the source images of the first run. */
  ALL;

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
