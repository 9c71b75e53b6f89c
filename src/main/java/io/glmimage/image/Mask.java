package io.glmimage.image;

import io.glmimage.error.InvalidRequestException;
import java.awt.image.BufferedImage;
import java.io.IOException;
import javax.imageio.ImageReader;

/**
 * The part of an image that may be edited.
 *
 * @param height in pixels
 * @param width in pixels
 * @param edited {@code [height, width]}: whether a pixel may change; not copied, read-only
 */
public record Mask(int height, int width, boolean[] edited) {
  private static final int HALF = 128;

  /** The widest transition inside the edge of a mask, in pixels. */
  private static final int FEATHER = 4;

  public Mask {
    if (height <= 0 || width <= 0 || edited.length != (long) height * width) {
      throw new IllegalArgumentException(
          "Invalid mask: " + width + " x " + height + " pixels with " + edited.length + " values");
    }
  }

  /**
   * Reads the file of a mask and checks it.
   *
   * @param name for messages
   * @param transparent as in {@link #decode}
   * @param source the image that the mask is for
   * @throws InvalidRequestException if it cannot be read, has another size than the image, or
   *     leaves nothing to edit
   */
  public static Mask of(byte[] bytes, String name, boolean transparent, RgbImage source) {
    PixelSize size = new PixelSize(source.height(), source.width());
    // Before the pixels are read, which may be many.
    checkSize(ImageHeader.size(bytes, name), size);
    Mask mask = decode(bytes, name, transparent);
    mask.check(size);
    return mask;
  }

  /**
   * Reads the file of a mask.
   *
   * @param transparent true: the transparent pixels of a PNG are edited. false: the opaque pixels
   *     of a PNG with transparency, or the light pixels of any other image
   * @throws InvalidRequestException if it cannot be read
   */
  public static Mask decode(byte[] bytes, String name, boolean transparent) {
    // Finds damage and sizes beyond the limit, also where only transparency counts.
    RgbImage image = ImageDecoder.decode(bytes, name);
    boolean[] opaque = isPng(bytes) ? opaque(bytes, name) : null;
    if (transparent) {
      if (opaque == null) {
        throw new InvalidRequestException(
            "Cannot use mask "
                + name
                + ": it has no transparent pixel, and these are edited (expected a PNG with an"
                + " alpha channel)");
      }
      for (int i = 0; i < opaque.length; i++) {
        opaque[i] = !opaque[i];
      }
    }
    if (opaque != null) {
      return new Mask(image.height(), image.width(), opaque);
    }
    boolean[] light = new boolean[image.height() * image.width()];
    for (int i = 0; i < light.length; i++) {
      int red = image.pixels()[3 * i] & 255;
      int green = image.pixels()[3 * i + 1] & 255;
      int blue = image.pixels()[3 * i + 2] & 255;
      light[i] = (299 * red + 587 * green + 114 * blue) / 1000 >= HALF;
    }
    return new Mask(image.height(), image.width(), light);
  }

  private static boolean isPng(byte[] bytes) {
    return bytes.length > 3 && bytes[1] == 'P' && bytes[2] == 'N' && bytes[3] == 'G';
  }

  /** Which pixels of a PNG are opaque; null if all are. */
  private static boolean[] opaque(byte[] bytes, String name) {
    ImageReader reader = ImageReaders.open(ImageFormat.PNG);
    try {
      DeclaredSize.checkFile(ImageFormat.PNG, bytes);
      reader.setInput(
          new com.twelvemonkeys.imageio.stream.ByteArrayImageInputStream(bytes), false, true);
      DeclaredSize.checkPixels(ImageFormat.PNG, bytes, reader.getWidth(0), reader.getHeight(0));
      BufferedImage image = reader.read(0);
      if (!image.getColorModel().hasAlpha()) {
        return null;
      }
      int width = image.getWidth();
      boolean[] opaque = new boolean[image.getHeight() * width];
      boolean all = true;
      int[] line = new int[width];
      for (int y = 0; y < image.getHeight(); y++) {
        image.getRGB(0, y, width, 1, line, 0, width);
        for (int x = 0; x < width; x++) {
          boolean solid = line[x] >>> 24 >= HALF;
          opaque[y * width + x] = solid;
          all &= solid;
        }
      }
      return all ? null : upright(opaque, image.getHeight(), width, bytes);
    } catch (IOException | RuntimeException e) {
      throw new InvalidRequestException(
          "Cannot read mask " + name + ": the PNG is damaged: " + e.getMessage(), e);
    } finally {
      reader.dispose();
    }
  }

  private static boolean[] upright(boolean[] opaque, int height, int width, byte[] bytes) {
    byte[] levels = new byte[3 * opaque.length];
    for (int i = 0; i < opaque.length; i++) {
      levels[3 * i] = (byte) (opaque[i] ? 1 : 0);
    }
    RgbImage turned =
        Orientation.of(bytes, ImageFormat.PNG).apply(new RgbImage(height, width, levels));
    boolean[] upright = new boolean[opaque.length];
    for (int i = 0; i < upright.length; i++) {
      upright[i] = turned.pixels()[3 * i] == 1;
    }
    return upright;
  }

  /**
   * Checks the mask against the image that it is for.
   *
   * @throws InvalidRequestException if it has another size, or leaves nothing to edit
   */
  public void check(PixelSize source) {
    checkSize(new PixelSize(height, width), source);
    for (boolean pixel : edited) {
      if (pixel) {
        return;
      }
    }
    throw new InvalidRequestException(
        "Cannot use the mask: it is empty, so nothing may be edited (white or opaque pixels are"
            + " edited; in an OpenAI batch transparent ones)");
  }

  /**
   * @throws InvalidRequestException if the mask has another size than the first source image
   */
  public static void checkSize(PixelSize mask, PixelSize source) {
    if (!mask.equals(source)) {
      throw new InvalidRequestException(
          "Cannot use the mask: it is "
              + mask
              + " pixels, but the first source image is "
              + source
              + " (make a mask of the same size)");
    }
  }

  /** The mask at another size. A cell may change if one of the pixels that it covers may. */
  public Mask resized(int rows, int columns) {
    if (rows == height && columns == width) {
      return this;
    }
    boolean[] cells = new boolean[rows * columns];
    for (int r = 0; r < rows; r++) {
      int top = (int) ((long) r * height / rows);
      int bottom = Math.max(top + 1, (int) (((r + 1L) * height + rows - 1) / rows));
      for (int c = 0; c < columns; c++) {
        int left = (int) ((long) c * width / columns);
        int right = Math.max(left + 1, (int) (((c + 1L) * width + columns - 1) / columns));
        cells[r * columns + c] = any(top, left, bottom, right);
      }
    }
    return new Mask(rows, columns, cells);
  }

  private boolean any(int top, int left, int bottom, int right) {
    for (int y = top; y < bottom; y++) {
      for (int x = left; x < right; x++) {
        if (edited[y * width + x]) {
          return true;
        }
      }
    }
    return false;
  }

  /**
   * An edited image with the pixels of its source where the mask does not let them change. The
   * transition lies inside the mask, so all pixels outside are exactly those of the source.
   */
  public RgbImage paste(RgbImage source, RgbImage image) {
    int[] depth = depth();
    int deepest = 0;
    for (int d : depth) {
      deepest = Math.max(deepest, d);
    }
    // A narrow mask has a narrow transition, so that the edit is seen.
    int feather = Math.max(1, Math.min(FEATHER, deepest / 2));
    byte[] pixels = source.pixels().clone();
    for (int i = 0; i < depth.length; i++) {
      int weight = Math.min(depth[i], feather);
      for (int at = 3 * i; weight > 0 && at < 3 * i + 3; at++) {
        int before = source.pixels()[at] & 255;
        int after = image.pixels()[at] & 255;
        pixels[at] =
            (byte) ((before * (feather - weight) + after * weight + feather / 2) / feather);
      }
    }
    return new RgbImage(height, width, pixels);
  }

  /** Steps from each pixel to the nearest one that may not change; 0 for these. */
  private int[] depth() {
    int far = height + width;
    int[] depth = new int[edited.length];
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        int i = y * width + x;
        int above = y > 0 ? depth[i - width] : far;
        int before = x > 0 ? depth[i - 1] : far;
        depth[i] = edited[i] ? Math.min(above, before) + 1 : 0;
      }
    }
    for (int y = height - 1; y >= 0; y--) {
      for (int x = width - 1; x >= 0; x--) {
        int i = y * width + x;
        int below = y < height - 1 ? depth[i + width] : far;
        int after = x < width - 1 ? depth[i + 1] : far;
        depth[i] = Math.min(depth[i], Math.min(below, after) + 1);
      }
    }
    return depth;
  }
}
