package io.glmimage.image;

import com.drew.imaging.ImageMetadataReader;
import com.drew.imaging.ImageProcessingException;
import com.drew.metadata.Metadata;
import com.drew.metadata.exif.ExifDirectoryBase;
import com.drew.metadata.exif.ExifIFD0Directory;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The EXIF orientation: how the stored rows and columns lie in the upright picture.
 *
 * @param value 1 to 8, as in the EXIF 2.32 standard, 4.6.4 A; 1 is upright
 */
record Orientation(int value) {
  private static final Logger LOG = LoggerFactory.getLogger(Orientation.class);
  private static final Orientation UPRIGHT = new Orientation(1);

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
          return found >= 1 && found <= 8 ? new Orientation(found) : UPRIGHT;
        }
      }
    } catch (ImageProcessingException | IOException | RuntimeException e) {
      LOG.debug("Unreadable EXIF counts as none", e);
    }
    return UPRIGHT;
  }

  RgbImage apply(RgbImage stored) {
    if (value == 1) {
      return stored;
    }
    int h = stored.height();
    int w = stored.width();
    boolean turned = value >= 5;
    int height = turned ? w : h;
    int width = turned ? h : w;
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
