package io.glmimage.quality;

/**
 * CIE 1976 L*a*b* (ISO/CIE 11664-4) of sRGB colours (IEC 61966-2-1), relative to the white D65.
 * Both curves are tables; the error is below 0.3.
 */
final class Lab {
  /** Steps of the sRGB curve's table for each 8-bit level. */
  private static final int FINE = 16;

  private static final float[] LINEAR = new float[255 * FINE + 1];
  private static final int STEPS = 1 << 14;
  private static final float[] ROOT = new float[STEPS + 1];

  static {
    for (int i = 0; i < LINEAR.length; i++) {
      double c = i / (255.0 * FINE);
      LINEAR[i] = (float) (c <= 0.04045 ? c / 12.92 : Math.pow((c + 0.055) / 1.055, 2.4));
    }
    for (int i = 0; i <= STEPS; i++) {
      double t = (double) i / STEPS;
      double delta = 6.0 / 29;
      ROOT[i] =
          (float) (t > delta * delta * delta ? Math.cbrt(t) : t / (3 * delta * delta) + 4.0 / 29);
    }
  }

  private Lab() {}

  /**
   * @param red 0 to 255, and the others likewise
   * @param lab receives L*, a* and b*
   */
  static void of(float red, float green, float blue, float[] lab) {
    float r = LINEAR[(int) (red * FINE + 0.5f)];
    float g = LINEAR[(int) (green * FINE + 0.5f)];
    float b = LINEAR[(int) (blue * FINE + 0.5f)];
    // The rows of the sRGB matrix, divided by D65's X = 0.95047, Y = 1, Z = 1.08883.
    float x = root(0.433953f * r + 0.376219f * g + 0.189828f * b);
    float y = root(0.212671f * r + 0.715160f * g + 0.072169f * b);
    float z = root(0.017758f * r + 0.109477f * g + 0.872765f * b);
    lab[0] = 116 * y - 16;
    lab[1] = 500 * (x - y);
    lab[2] = 200 * (y - z);
  }

  private static float root(float t) {
    return ROOT[Math.min(STEPS, (int) (t * STEPS + 0.5f))];
  }
}
