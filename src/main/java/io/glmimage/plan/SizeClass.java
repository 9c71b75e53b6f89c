package io.glmimage.plan;

/** Sizes of generated images, in the classes of an estimate. */
public enum SizeClass {
  UP_TO_512("up to 512 x 512", 512 * 512),
  UP_TO_768("up to 768 x 768", 768 * 768),
  UP_TO_1024("up to 1024 x 1024", 1024 * 1024),
  UP_TO_1536("up to 1536 x 1536", 1536 * 1536),
  UP_TO_2048("up to 2048 x 2048", 2048 * 2048),
  LARGER("larger", Long.MAX_VALUE);

  private final String label;
  private final long pixels;

  SizeClass(String label, long pixels) {
    this.label = label;
    this.pixels = pixels;
  }

  /** For people. */
  public String label() {
    return label;
  }

  /** The class of an image of so many pixels, whatever its shape. */
  public static SizeClass of(double megapixels) {
    for (SizeClass one : values()) {
      if (Math.round(megapixels * 1e6) <= one.pixels) {
        return one;
      }
    }
    return LARGER;
  }
}
