package io.glmimage.quality;

/** The verdict on an edited image, as written in the result table. Names are stable. */
public enum QualityFlag {
  /** Nothing suspicious. */
  OK,
  /** Almost no pixel differs visibly from the source image. */
  UNCHANGED,
  /** Almost all pixels differ visibly, and nothing of the source's structure is left. */
  DESTROYED,
  /** The image is nearly one colour. */
  FLAT
}
