package io.glmimage.image;

import com.drew.imaging.tiff.TiffProcessingException;
import com.drew.imaging.tiff.TiffReader;
import com.drew.lang.ByteArrayReader;
import com.drew.lang.RandomAccessReader;
import com.drew.metadata.Metadata;
import com.drew.metadata.exif.ExifDirectoryBase;
import com.drew.metadata.exif.ExifIFD0Directory;
import com.drew.metadata.tiff.DirectoryTiffHandler;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
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

  /** Pillow searches the packet in the same way, without an XML parser. */
  private static final Pattern XMP = Pattern.compile("tiff:Orientation(?:=\"|>)([0-9])");

  /** The orientation of a file. Unreadable metadata count as upright. */
  static Orientation of(byte[] file, ImageFormat format) {
    return of(MetadataBlocks.of(file, format), format);
  }

  /** The orientation of a file with these blocks. */
  static Orientation of(MetadataBlocks blocks, ImageFormat format) {
    Metadata metadata = new Metadata();
    byte[] xmp = blocks.xmp();
    try {
      if (blocks.exif().length > 0) {
        RootTags tags = new RootTags(metadata);
        new TiffReader().processTiff(new ByteArrayReader(blocks.exif()), tags, 0);
        xmp = format == ImageFormat.TIFF ? tags.xmp : xmp;
      }
    } catch (TiffProcessingException | IOException | RuntimeException e) {
      LOG.debug("Ignoring unreadable metadata", e);
    }
    for (ExifIFD0Directory d : metadata.getDirectoriesOfType(ExifIFD0Directory.class)) {
      Integer found = d.getInteger(ExifDirectoryBase.TAG_ORIENTATION);
      if (found != null) {
        return of(found);
      }
    }
    Matcher found = XMP.matcher(new String(xmp, StandardCharsets.ISO_8859_1));
    return found.find() ? of(Integer.parseInt(found.group(1))) : UPRIGHT;
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

  /** Takes the orientation and the XMP packet from the first directory. Skips everything else. */
  private static final class RootTags extends DirectoryTiffHandler {
    private static final int TAG_XMP = 0x2BC;
    private static final int CLASSIC = 42;

    private byte[] xmp = {};

    RootTags(Metadata metadata) {
      super(metadata, null);
    }

    @Override
    public void setTiffMarker(int marker) throws TiffProcessingException {
      if (marker != CLASSIC) {
        throw new TiffProcessingException("no classic TIFF: " + marker);
      }
      pushDirectory(ExifIFD0Directory.class);
    }

    @Override
    public boolean tryEnterSubIfd(int tag) {
      return false;
    }

    @Override
    public boolean hasFollowerIfd() {
      return false;
    }

    @Override
    public Long tryCustomProcessFormat(int tag, int format, long components) {
      return null;
    }

    /** Whether the tag is done with. */
    @Override
    public boolean customProcessTag(
        int valueOffset,
        Set<Integer> processedOffsets,
        int headerOffset,
        RandomAccessReader reader,
        int tag,
        int bytes)
        throws IOException {
      if (tag == TAG_XMP) {
        xmp = reader.getBytes(valueOffset, bytes);
      }
      return tag != ExifDirectoryBase.TAG_ORIENTATION;
    }
  }
}
