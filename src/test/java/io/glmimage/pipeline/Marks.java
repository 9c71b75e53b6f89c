package io.glmimage.pipeline;

import io.glmimage.image.RgbImage;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Dark marks on a light image, and where they are found in another image. */
final class Marks {
  private static final int LIGHT = 225;
  private static final int DARK = 40;

  /** Half the side of the square around a mark in which it is looked for, and its radius. */
  private static final double WINDOW_RADII = 1.7;

  private final RgbImage image;
  private final double radius;
  private final List<double[]> centres = new ArrayList<>();

  /** A grid of discs, whose centres are at fractions of pixels. */
  Marks(int height, int width, double radius) {
    this.radius = radius;
    int spacing = (int) (radius * 4.5);
    int rows = Math.max(1, Math.min(4, height / spacing));
    int columns = Math.max(1, Math.min(4, width / spacing));
    for (int r = 0; r < rows; r++) {
      for (int c = 0; c < columns; c++) {
        centres.add(
            new double[] {(r + 0.5) * height / rows + 0.2, (c + 0.5) * width / columns - 0.3});
      }
    }
    byte[] pixels = new byte[height * width * 3];
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        double nearest = Double.MAX_VALUE;
        for (double[] centre : centres) {
          nearest = Math.min(nearest, Math.hypot(y + 0.5 - centre[0], x + 0.5 - centre[1]));
        }
        double dark = Math.max(0, Math.min(1, radius + 0.5 - nearest));
        int at = (y * width + x) * 3;
        Arrays.fill(pixels, at, at + 3, (byte) Math.round(LIGHT + dark * (DARK - LIGHT)));
      }
    }
    image = new RgbImage(height, width, pixels);
  }

  RgbImage image() {
    return image;
  }

  /** One dark square next to the middle. */
  static RgbImage square(int height, int width) {
    byte[] pixels = new byte[height * width * 3];
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        boolean inside =
            Math.abs(y - 0.55 * height) < 0.2 * height && Math.abs(x - 0.45 * width) < 0.2 * width;
        int at = (y * width + x) * 3;
        // Blue on yellow, colours that the tiny model knows.
        pixels[at] = (byte) (inside ? 40 : 240);
        pixels[at + 1] = (byte) (inside ? 80 : 210);
        pixels[at + 2] = (byte) (inside ? 220 : 40);
      }
    }
    return new RgbImage(height, width, pixels);
  }

  double largestMove(RgbImage out) {
    return largestMove(out, 1);
  }

  /**
   * @param scale of the other image
   * @return in pixels of the other image
   */
  double largestMove(RgbImage out, double scale) {
    return moves(out, scale).stream().mapToDouble(m -> Math.hypot(m[0], m[1])).max().orElseThrow();
  }

  /** The length of the mean of all moves, in which the noise of single marks cancels out. */
  double meanMove(RgbImage out, double scale) {
    List<double[]> moves = moves(out, scale);
    return Math.hypot(
        moves.stream().mapToDouble(m -> m[0]).average().orElseThrow(),
        moves.stream().mapToDouble(m -> m[1]).average().orElseThrow());
  }

  /** How far each mark has moved, down and to the right, in pixels of the other image. */
  List<double[]> moves(RgbImage out, double scale) {
    List<double[]> moves = new ArrayList<>();
    for (double[] centre : centres) {
      double[] before = around(image, centre, 1);
      double[] after = around(out, centre, scale);
      moves.add(new double[] {after[0] - scale * before[0], after[1] - scale * before[1]});
    }
    return moves;
  }

  private double[] around(RgbImage in, double[] centre, double scale) {
    int half = (int) Math.ceil(WINDOW_RADII * radius * scale);
    int y = (int) Math.floor(centre[0] * scale);
    int x = (int) Math.floor(centre[1] * scale);
    return centre(
        in,
        Math.max(0, y - half),
        Math.max(0, x - half),
        Math.min(in.height(), y + half + 1),
        Math.min(in.width(), x + half + 1));
  }

  /** The centre of mass of what is dark, in pixels; at infinity if nothing is. */
  static double[] centre(RgbImage in, int top, int left, int bottom, int right) {
    double sum = 0;
    double sumY = 0;
    double sumX = 0;
    for (int y = top; y < bottom; y++) {
      for (int x = left; x < right; x++) {
        // Red is dark in every mark. A threshold keeps the background out.
        int red = in.pixels()[(y * in.width() + x) * 3] & 255;
        double dark = Math.max(0, 180 - red);
        sum += dark;
        sumY += dark * (y + 0.5);
        sumX += dark * (x + 0.5);
      }
    }
    double lost = Double.POSITIVE_INFINITY;
    return sum == 0 ? new double[] {lost, lost} : new double[] {sumY / sum, sumX / sum};
  }
}
