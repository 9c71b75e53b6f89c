package io.glmimage.image;

/**
 * The samples of a decoded image, before they become 8-bit RGB.
 *
 * @param alpha whether each pixel ends with an alpha sample
 * @param highest value of a sample: 255, or 65535 for 16 bits
 * @param rows reads them
 */
record Samples(int height, int width, Model model, boolean alpha, int highest, Rows rows) {
  static final int BYTE = 255;
  static final int SHORT = 65535;

  /** What the colour samples of a pixel mean. */
  enum Model {
    GREY(1),
    RGB(3),
    /** Amounts of ink: 0 is paper. */
    CMYK(4);

    private final int channels;

    Model(int channels) {
      this.channels = channels;
    }

    int channels() {
      return channels;
    }
  }

  /** Reads rows of samples. */
  @FunctionalInterface
  interface Rows {
    /**
     * Reads a row.
     *
     * @param row {@code [width, stride]}: colours, not multiplied by alpha, and then alpha
     */
    void read(int y, int[] row);
  }

  /** Samples of a pixel. */
  int stride() {
    return model.channels() + (alpha ? 1 : 0);
  }
}
