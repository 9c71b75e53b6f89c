package io.glmimage.image;

/**
 * 8-bit pictures to and from the VAE's values, -1 to 1, channels first. H rows, W columns.
 * Formulas: VaeImageProcessor of diffusers, {@code 2 * (x / 255) - 1} and {@code round(255 *
 * clamp(v / 2 + 0.5))}, half to even, in float32.
 */
public final class PixelValues {
  private PixelValues() {}

  /** {@code [H, W, 3] -> [3, H, W]} */
  public static float[] of(RgbImage image) {
    float[] table = new float[256];
    for (int x = 0; x < 256; x++) {
      table[x] = 2 * (x / 255f) - 1;
    }
    byte[] pixels = image.pixels();
    int area = pixels.length / 3;
    float[] out = new float[pixels.length];
    for (int i = 0, p = 0; i < area; i++, p += 3) {
      out[i] = table[pixels[p] & 255];
      out[area + i] = table[pixels[p + 1] & 255];
      out[2 * area + i] = table[pixels[p + 2] & 255];
    }
    return out;
  }

  /**
   * {@code [3, H, W] -> [H, W, 3]}; values outside -1 to 1 are clamped.
   *
   * @throws IllegalArgumentException if a value is not a number: the network has failed
   */
  public static RgbImage toImage(float[] values, int height, int width) {
    int area = height * width;
    if (values.length != 3 * area) {
      throw new IllegalArgumentException(
          values.length + " values for a picture of " + height + " x " + width + " pixels");
    }
    byte[] pixels = new byte[values.length];
    for (int c = 0; c < 3; c++) {
      for (int i = 0; i < area; i++) {
        float value = values[c * area + i];
        if (Float.isNaN(value)) {
          throw new IllegalArgumentException(
              "Cannot make a picture: channel " + c + " holds a value that is not a number");
        }
        float unit = Math.max(0, Math.min(1, value * 0.5f + 0.5f));
        pixels[3 * i + c] = (byte) (int) Math.rint(unit * 255f);
      }
    }
    return new RgbImage(height, width, pixels);
  }
}
