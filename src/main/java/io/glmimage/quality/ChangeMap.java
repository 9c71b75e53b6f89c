package io.glmimage.quality;

import io.glmimage.image.RgbImage;
import java.awt.image.BufferedImage;
import java.awt.image.DataBufferByte;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import javax.imageio.ImageIO;
import javax.imageio.stream.MemoryCacheImageOutputStream;

/**
 * What changed between two images of the same size. A pixel's change is the colour difference
 * between the means of the 5 x 5 pixels around it. The means hide the texture of the image
 * autoencoder. The difference is CIE 1976 Delta E*ab (ISO/CIE 11664-4) for sRGB and its white D65.
 * {@value #VISIBLE} or more is a visible change; the eye notices about 2.3 between large patches.
 *
 * @param levels {@code [height, width]}: {@value #VISIBLE_LEVEL} for a Delta E of {@value
 *     #VISIBLE}, proportional to it up to 255
 */
public record ChangeMap(int height, int width, byte[] levels) {
  /** The smallest Delta E that counts as a change. */
  public static final int VISIBLE = 10;

  /** The level of {@link #VISIBLE}. */
  public static final int VISIBLE_LEVEL = 128;

  private static final int RADIUS = 2;

  /**
   * @throws IllegalArgumentException if the images have different sizes
   */
  static ChangeMap of(RgbImage before, RgbImage after) {
    if (before.height() != after.height() || before.width() != after.width()) {
      throw new IllegalArgumentException("Cannot compare images of different sizes");
    }
    int height = before.height();
    int width = before.width();
    byte[] levels = new byte[height * width];
    LocalSums first = new LocalSums(before, RADIUS);
    LocalSums second = new LocalSums(after, RADIUS);
    float[] a = new float[3];
    float[] b = new float[3];
    for (int y = 0; y < height; y++) {
      int[] sums = first.next();
      int[] others = second.next();
      for (int x = 0; x < width; x++) {
        int at = 3 * x;
        if (sums[at] == others[at]
            && sums[at + 1] == others[at + 1]
            && sums[at + 2] == others[at + 2]) {
          continue;
        }
        float share = 1f / first.count(x);
        Lab.of(sums[at] * share, sums[at + 1] * share, sums[at + 2] * share, a);
        Lab.of(others[at] * share, others[at + 1] * share, others[at + 2] * share, b);
        double lightness = a[0] - b[0];
        double green = a[1] - b[1];
        double blue = a[2] - b[2];
        double difference = Math.sqrt(lightness * lightness + green * green + blue * blue);
        levels[y * width + x] = (byte) Math.min(255, (int) (difference * VISIBLE_LEVEL / VISIBLE));
      }
    }
    return new ChangeMap(height, width, levels);
  }

  /** Whether the pixel with this index changed visibly. */
  boolean changed(int pixel) {
    return (levels[pixel] & 255) >= VISIBLE_LEVEL;
  }

  /** The share of the pixels that changed visibly. */
  double changedFraction() {
    int changed = 0;
    for (int i = 0; i < levels.length; i++) {
      changed += changed(i) ? 1 : 0;
    }
    return (double) changed / levels.length;
  }

  /** The map as an 8-bit greyscale PNG. */
  public byte[] png() {
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_BYTE_GRAY);
    byte[] data = ((DataBufferByte) image.getRaster().getDataBuffer()).getData();
    System.arraycopy(levels, 0, data, 0, levels.length);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (MemoryCacheImageOutputStream stream = new MemoryCacheImageOutputStream(out)) {
      if (!ImageIO.write(image, "png", stream)) {
        throw new IllegalStateException("Java has no PNG writer");
      }
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot write a PNG file in memory", e);
    }
    return out.toByteArray();
  }

  /** The sums over the square around every pixel, one image row after the other. */
  private static final class LocalSums {
    private final RgbImage image;
    private final int radius;
    private final int[] columns;
    private final int[] sums;
    private int rows;
    private int y;

    LocalSums(RgbImage image, int radius) {
      this.image = image;
      this.radius = radius;
      this.columns = new int[image.width() * 3];
      this.sums = new int[image.width() * 3];
      for (int row = 0; row < Math.min(radius, image.height()); row++) {
        add(row, 1);
      }
    }

    private void add(int row, int sign) {
      byte[] pixels = image.pixels();
      int at = row * columns.length;
      for (int i = 0; i < columns.length; i++) {
        columns[i] += sign * (pixels[at + i] & 255);
      }
      rows += sign;
    }

    /** The sums of the next row, {@code [width, 3]}; valid until the next call. */
    int[] next() {
      if (y + radius < image.height()) {
        add(y + radius, 1);
      }
      if (y - radius - 1 >= 0) {
        add(y - radius - 1, -1);
      }
      y++;
      int width = image.width();
      int r = 0;
      int g = 0;
      int b = 0;
      for (int x = -radius; x < width; x++) {
        int in = 3 * (x + radius);
        if (in < columns.length) {
          r += columns[in];
          g += columns[in + 1];
          b += columns[in + 2];
        }
        int out = 3 * (x - radius - 1);
        if (out >= 0) {
          r -= columns[out];
          g -= columns[out + 1];
          b -= columns[out + 2];
        }
        if (x >= 0) {
          sums[3 * x] = r;
          sums[3 * x + 1] = g;
          sums[3 * x + 2] = b;
        }
      }
      return sums;
    }

    /** Number of pixels in the sum of column {@code x}; squares are cut at the image's edges. */
    int count(int x) {
      return rows * (Math.min(image.width() - 1, x + radius) - Math.max(0, x - radius) + 1);
    }
  }
}
