package io.glmimage.tensor;

/**
 * Philox 4x32-10, a counter-based random generator. Number {@code i} of a stream is a pure function
 * of (seed, stream, i). So the numbers of a row do not depend on its batch or the order of
 * computation.
 *
 * <p>Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
 */
public final class Philox {
  private static final int M0 = 0xD2511F53;
  private static final int M1 = 0xCD9E8D57;
  private static final int W0 = 0x9E3779B9;
  private static final int W1 = 0xBB67AE85;

  private final int key0;
  private final int key1;
  private final int stream;

  /**
   * @param seed the row's seed
   * @param stream numbers of different streams are independent
   */
  public Philox(long seed, int stream) {
    this.key0 = (int) seed;
    this.key1 = (int) (seed >>> 32);
    this.stream = stream;
  }

  /** The number at {@code index}, uniform in [0, 1) with 24 bits. */
  public float uniform(long index) {
    int[] block = block(index >>> 2);
    return toUnit(block[(int) (index & 3)]);
  }

  /** {@code count} standard normal numbers (Box-Muller on consecutive pairs). */
  public float[] normals(int count) {
    float[] out = new float[count];
    for (int i = 0; i < count; i += 4) {
      int[] b = block(i >>> 2);
      for (int j = 0; j < 4 && i + j < count; j += 2) {
        // In (0, 1], because the logarithm of 0 is not a number.
        double u = ((b[j] >>> 8) + 1) * 0x1p-24;
        double v = (b[j + 1] >>> 8) * 0x1p-24;
        double r = Math.sqrt(-2 * StrictMath.log(u));
        out[i + j] = (float) (r * StrictMath.cos(2 * Math.PI * v));
        if (i + j + 1 < count) {
          out[i + j + 1] = (float) (r * StrictMath.sin(2 * Math.PI * v));
        }
      }
    }
    return out;
  }

  private static float toUnit(int bits) {
    return (bits >>> 8) * 0x1p-24f;
  }

  /** The four 32-bit words of counter block {@code counter}. */
  int[] block(long counter) {
    return rounds((int) counter, (int) (counter >>> 32), stream, 0, key0, key1);
  }

  static int[] rounds(int c0, int c1, int c2, int c3, int k0, int k1) {
    for (int round = 0; round < 10; round++) {
      long p0 = (M0 & 0xFFFFFFFFL) * (c0 & 0xFFFFFFFFL);
      long p1 = (M1 & 0xFFFFFFFFL) * (c2 & 0xFFFFFFFFL);
      int n0 = (int) (p1 >>> 32) ^ c1 ^ k0;
      int n2 = (int) (p0 >>> 32) ^ c3 ^ k1;
      c0 = n0;
      c1 = (int) p1;
      c2 = n2;
      c3 = (int) p0;
      k0 += W0;
      k1 += W1;
    }
    return new int[] {c0, c1, c2, c3};
  }
}
