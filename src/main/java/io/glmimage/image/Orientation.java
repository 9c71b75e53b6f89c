package io.glmimage.image;

import com.drew.imaging.ImageMetadataReader;
import com.drew.imaging.ImageProcessingException;
import com.drew.metadata.Metadata;
import com.drew.metadata.exif.ExifDirectoryBase;
import com.drew.metadata.exif.ExifIFD0Directory;
import com.drew.metadata.xmp.XmpDirectory;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How the stored rows and columns map to the upright image. The orientation is an EXIF value; files
 * without EXIF orientation may have the same value as {@code tiff:Orientation} in XMP. Pillow's
 * {@code exif_transpose} follows the same order.
 *
 * @param value 1 to 8, as in the EXIF 2.32 standard, 4.6.4 A; 1 is upright
 */
record Orientation(int value) {
  private static final Logger LOG = LoggerFactory.getLogger(Orientation.class);
  private static final Orientation UPRIGHT = new Orientation(1);

  /** The orientation of a file. Unreadable metadata count as upright. */
  static Orientation of(byte[] file, ImageFormat format) {
    if (format == ImageFormat.GIF || format == ImageFormat.BMP) {
      return UPRIGHT;
    }
    try {
      Metadata metadata =
          ImageMetadataReader.readMetadata(new ByteArrayInputStream(file), file.length);
      for (ExifIFD0Directory d : metadata.getDirectoriesOfType(ExifIFD0Directory.class)) {
        Integer found = d.getInteger(ExifDirectoryBase.TAG_ORIENTATION);
        if (found != null) {
          return of(found);
        }
      }
      for (XmpDirectory d : metadata.getDirectoriesOfType(XmpDirectory.class)) {
        String found = d.getXmpProperties().get("tiff:Orientation");
        if (found != null && found.matches("[0-9]")) {
          return of(Integer.parseInt(found));
        }
      }
    } catch (ImageProcessingException | IOException | RuntimeException e) {
      LOG.debug("Ignoring unreadable metadata", e);
    }
    return UPRIGHT;
  }

  private static Orientation of(int value) {
    return value >= 1 && value <= 8 ? new Orientation(value) : UPRIGHT;
  }

  /** Whether height and width change places. */
  boolean isTurned() {
    return value >= 5;
  }

  /** The upright image. */
  RgbImage apply(RgbImage stored) {
    if (value == 1) {
      return stored;
    }
    int h = stored.height();
    int w = stored.width();
    int height = isTurned() ? w : h;
    int width = isTurned() ? h : w;
    byte[] in = stored.pixels();
    byte[] out = new byte[in.length];
    int o = 0;
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++, o += 3) {
        int row =
            switch (value) {
              case 2 -> y;
              case 3, 4 -> h - 1 - y;
              case 5, 8 -> x;
              default -> h - 1 - x;
            };
        int column =
            switch (value) {
              case 2, 3 -> w - 1 - x;
              case 4 -> x;
              case 5, 6 -> y;
              default -> w - 1 - y;
            };
        int p = (row * w + column) * 3;
        out[o] = in[p];
        out[o + 1] = in[p + 1];
        out[o + 2] = in[p + 2];
      }
    }
    return new RgbImage(height, width, out);
  }
}
