package io.glmimage.image;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * ICC profiles of RGB colours that files only name: by EXIF (Adobe RGB) or by the code points of
 * ITU-T H.273. Each has a curve and the colours of red, green and blue. Format: ICC.1:2010.
 */
final class MatrixProfile {
  private static final int TAG_BYTES = 12;
  private static final double[] D50 = {0.9642, 1, 0.8249};

  // XYZ of red, green and blue, adapted to the white D50 with the Bradford matrix.
  private static final double[][] BT709 = {
    {0.43607, 0.22249, 0.01392}, {0.38515, 0.71687, 0.09708}, {0.14307, 0.06061, 0.71410}
  };
  private static final double[][] ADOBE = {
    {0.60974, 0.31111, 0.01947}, {0.20528, 0.62567, 0.06087}, {0.14919, 0.06322, 0.74457}
  };
  private static final double[][] DISPLAY_P3 = {
    {0.51512, 0.24120, -0.00105}, {0.29198, 0.69225, 0.04189}, {0.15710, 0.06657, 0.78407}
  };
  private static final double[][] BT2020 = {
    {0.67349, 0.27904, -0.00193}, {0.16566, 0.67534, 0.02998}, {0.12505, 0.04561, 0.79684}
  };

  /** IEC 61966-2-1: exponent, and the four coefficients of the ICC's function type 3. */
  private static final double[] SRGB_CURVE = {2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045};

  private MatrixProfile() {}

  /** IEC 61966-2-1. */
  static byte[] srgb() {
    return of(BT709, SRGB_CURVE);
  }

  /** Adobe RGB (1998). */
  static byte[] adobeRgb() {
    return of(ADOBE, 563 / 256d);
  }

  /**
   * The profile of code points of H.273; empty if they are not supported, as those of HDR.
   *
   * @param primaries code of the colours of red, green and blue
   * @param transfer code of the curve
   */
  static byte[] ofCodes(int primaries, int transfer) {
    double[][] colours =
        switch (primaries) {
          case 1 -> BT709;
          case 9 -> BT2020;
          case 12 -> DISPLAY_P3;
          default -> null;
        };
    double[] curve =
        switch (transfer) {
          case 4 -> new double[] {2.2};
          case 5 -> new double[] {2.8};
          case 8 -> new double[] {1};
          case 13 -> SRGB_CURVE;
          default -> null;
        };
    return colours == null || curve == null ? new byte[0] : of(colours, curve);
  }

  private static byte[] of(double[][] colours, double... curve) {
    byte[] white = xyz(D50);
    byte[] tone = curve(curve);
    String[] names = {"wtpt", "rXYZ", "gXYZ", "bXYZ", "rTRC", "gTRC", "bTRC"};
    byte[][] values = {white, xyz(colours[0]), xyz(colours[1]), xyz(colours[2]), tone, tone, tone};
    int start = 128 + 4 + names.length * TAG_BYTES;
    int size = start + Arrays.stream(values).mapToInt(value -> value.length).sum();
    ByteBuffer out = ByteBuffer.allocate(size);
    // Version 2.4: Little CMS would compensate black points for version 4.
    out.putInt(0, size).putInt(8, 0x02400000).position(12);
    out.put(latin1("mntrRGB XYZ ")).position(36);
    out.put(latin1("acsp")).position(68);
    // White of the connection space; the rendering intent before it is 0, perceptual.
    out.put(white, 8, 12).position(128);
    out.putInt(names.length);
    int at = start;
    for (int i = 0; i < names.length; i++) {
      out.put(latin1(names[i])).putInt(at).putInt(values[i].length);
      at += values[i].length;
    }
    for (byte[] value : values) {
      out.put(value);
    }
    return out.array();
  }

  private static byte[] xyz(double[] colour) {
    ByteBuffer out = ByteBuffer.allocate(20).put(latin1("XYZ \0\0\0\0"));
    for (double value : colour) {
      out.putInt(fixed(value));
    }
    return out.array();
  }

  /** A parametric curve: type 0 is an exponent alone. */
  private static byte[] curve(double[] parameters) {
    int type = parameters.length == 1 ? 0 : 3;
    ByteBuffer out = ByteBuffer.allocate(12 + 4 * parameters.length);
    out.put(latin1("para\0\0\0\0")).putShort((short) type).putShort((short) 0);
    for (double value : parameters) {
      out.putInt(fixed(value));
    }
    return out.array();
  }

  private static int fixed(double value) {
    return (int) Math.round(value * 65536);
  }

  private static byte[] latin1(String text) {
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }
}
