package io.glmimage.job;

/** Where the progress of a run is shown. */
enum ProgressMode {
  /** A bar on a terminal, otherwise nothing: a scheduler keeps what is printed. */
  AUTO,

  /** A bar on a terminal, otherwise a line every ten seconds. */
  ON,

  /** Nowhere. */
  OFF
}
