package io.glmimage.image;

import io.glmimage.digest.Sha256;
import java.awt.color.CMMException;
import java.awt.color.ICC_Profile;
import java.awt.image.ColorConvertOp;
import java.awt.image.DataBuffer;
import java.awt.image.DataBufferByte;
import java.awt.image.DataBufferUShort;
import java.awt.image.Raster;
import java.awt.image.WritableRaster;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Converts the colours of an ICC profile to sRGB with the Little CMS of the Java runtime. Format of
 * profiles: ICC.1:2010.
 *
 * <p>Profiles of displays and cameras are converted with the perceptual intent, which is the
 * colorimetric one if they consist of curves and a matrix. Profiles of printers (CMYK) are
 * converted with the relative colorimetric intent. Black points are not compensated. Colours
 * outside sRGB are clipped.
 *
 * <p>Conversions are kept by profile, because preparing one takes some 50 ms and native memory that
 * only the garbage collector releases. They can be used by several threads, one at a time.
 */
final class IccConversion {
  private static final Logger LOG = LoggerFactory.getLogger(IccConversion.class);

  /** Data sets come from few devices. */
  private static final int KEPT = 32;

  private static final int HEADER_BYTES = 128;
  private static final int TAG_BYTES = 12;
  private static final int MAX_TAGS = 256;

  /**
   * Profiles that are called sRGB differ by rounding, and small ones approximate its curve. The
   * curve with the exponent 2.2 differs by up to 7.
   */
  private static final int SRGB_TOLERANCE = 2;

  private static final Map<String, Known> CACHE =
      new LinkedHashMap<>(2 * KEPT, 0.75f, /* accessOrder= */ true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Known> eldest) {
          return size() > KEPT;
        }
      };

  /** What a profile is good for. */
  enum Use {
    /** Its colours are those of sRGB: nothing is to convert. */
    SRGB,
    CONVERT,
    /** It is damaged or does not belong to such pixels. */
    UNUSABLE
  }

  /**
   * A checked profile.
   *
   * @param conversion null unless the use is CONVERT
   */
  record Known(Use use, IccConversion conversion) {
    static final Known SRGB = new Known(Use.SRGB, null);
    static final Known UNUSABLE = new Known(Use.UNUSABLE, null);
  }

  private final int channels;
  private final ColorConvertOp bytes;
  private final ColorConvertOp shorts;

  private IccConversion(ICC_Profile profile, int channels) {
    this.channels = channels;
    // Not the runtime's own sRGB, whose curve is a table and off by 2 levels near black.
    ICC_Profile[] chain = {profile, ICC_Profile.getInstance(MatrixProfile.srgb())};
    // One for each depth: Little CMS prepares a conversion for one of them.
    this.bytes = new ColorConvertOp(chain, null);
    this.shorts = new ColorConvertOp(chain, null);
  }

  /**
   * The conversion of samples with a profile.
   *
   * @param name of the image, for the log
   * @throws IllegalStateException if this Java runtime has no Little CMS
   */
  static Known of(byte[] profile, Samples.Model model, String name) {
    String key = Sha256.hex(profile) + " " + model;
    synchronized (CACHE) {
      Known known = CACHE.get(key);
      if (known == null) {
        known = check(profile, model, name);
        CACHE.put(key, known);
      }
      return known;
    }
  }

  private static Known check(byte[] profile, Samples.Model model, String name) {
    try {
      String problem = problem(profile, model);
      if (problem != null) {
        return unusable(name, problem);
      }
      int size = ByteBuffer.wrap(profile).getInt(0);
      byte[] exact = size == profile.length ? profile : Arrays.copyOf(profile, size);
      int channels = channels(exact);
      IccConversion conversion = new IccConversion(ICC_Profile.getInstance(exact), channels);
      return conversion.isSrgb(model) ? Known.SRGB : new Known(Use.CONVERT, conversion);
    } catch (LinkageError e) {
      throw new IllegalStateException(
          "Cannot convert the colours of image "
              + name
              + ": this Java runtime cannot load Little CMS ("
              + e.getMessage()
              + "); install a full Java 17 runtime, or give --colour ignore",
          e);
    } catch (CMMException | IllegalArgumentException | IndexOutOfBoundsException e) {
      return unusable(name, String.valueOf(e.getMessage()));
    }
  }

  private static Known unusable(String name, String why) {
    LOG.warn(
        "Cannot use the colour profile of image {}: {}. This and other images with the profile are"
            + " read as sRGB",
        name,
        why);
    return Known.UNUSABLE;
  }

  /** Why a profile cannot be used; null if its header and its list of tags are well-formed. */
  private static String problem(byte[] profile, Samples.Model model) {
    if (profile.length < HEADER_BYTES + 4) {
      return "it has " + profile.length + " bytes";
    }
    ByteBuffer bytes = ByteBuffer.wrap(profile);
    int size = bytes.getInt(0);
    if (size < HEADER_BYTES + 4 || size > profile.length) {
      return "its header says "
          + Integer.toUnsignedString(size)
          + " of "
          + profile.length
          + " bytes";
    }
    if (!text(profile, 36).equals("acsp")) {
      return "it has no signature";
    }
    String kind = text(profile, 12);
    if (!List.of("mntr", "scnr", "prtr", "spac").contains(kind)) {
      return "its class is \"" + kind + "\"";
    }
    if (!List.of("XYZ ", "Lab ").contains(text(profile, 20))) {
      return "its connection space is \"" + text(profile, 20) + "\"";
    }
    String space = text(profile, 16);
    boolean fits =
        switch (model) {
          case GREY -> space.equals("GRAY") || space.equals("RGB ");
          case RGB -> space.equals("RGB ");
          case CMYK -> space.equals("CMYK");
        };
    if (!fits) {
      return "its colour space is \"" + space + "\", the pixels are " + model;
    }
    int tags = bytes.getInt(HEADER_BYTES);
    if (tags < 1 || tags > MAX_TAGS || HEADER_BYTES + 4 + tags * TAG_BYTES > size) {
      return "it has " + Integer.toUnsignedString(tags) + " tags";
    }
    for (int i = 0; i < tags; i++) {
      int entry = HEADER_BYTES + 4 + i * TAG_BYTES;
      long offset = Integer.toUnsignedLong(bytes.getInt(entry + 4));
      long length = Integer.toUnsignedLong(bytes.getInt(entry + 8));
      if (offset + length > size) {
        return "its tag \"" + text(profile, entry) + "\" ends behind it";
      }
    }
    return null;
  }

  private static int channels(byte[] profile) {
    return switch (text(profile, 16)) {
      case "GRAY" -> 1;
      case "RGB " -> 3;
      default -> 4;
    };
  }

  private static String text(byte[] profile, int at) {
    return new String(profile, at, 4, StandardCharsets.ISO_8859_1);
  }

  /** Whether the conversion leaves all colours as they are. Also finds profiles that fail. */
  private boolean isSrgb(Samples.Model model) {
    if (model == Samples.Model.CMYK) {
      convert(new byte[4], 4);
      return false;
    }
    byte[] probe = model == Samples.Model.GREY ? greys() : lattice();
    byte[] rgb = convert(probe, model.channels());
    for (int i = 0; i < rgb.length; i++) {
      int before = probe[model == Samples.Model.GREY ? i / 3 : i] & 255;
      if (Math.abs((rgb[i] & 255) - before) > SRGB_TOLERANCE) {
        return false;
      }
    }
    return true;
  }

  private static byte[] greys() {
    byte[] greys = new byte[256];
    for (int i = 0; i < 256; i++) {
      greys[i] = (byte) i;
    }
    return greys;
  }

  /** All greys, and a lattice of colours. */
  private static byte[] lattice() {
    int side = 18;
    int step = 15;
    ByteBuffer colours = ByteBuffer.allocate(3 * (256 + side * side * side));
    for (byte grey : greys()) {
      colours.put(grey).put(grey).put(grey);
    }
    for (int i = 0; i < side * side * side; i++) {
      colours.put((byte) (i % side * step));
      colours.put((byte) (i / side % side * step));
      colours.put((byte) (i / side / side * step));
    }
    return colours.array();
  }

  /**
   * Converts 8-bit samples.
   *
   * @param samples {@code [pixels, count]}
   * @param count samples of a pixel; one grey sample also goes with a profile of RGB
   * @return {@code [pixels, 3]}
   */
  byte[] convert(byte[] samples, int count) {
    byte[] fitting = samples;
    if (count == 1 && channels == 3) {
      fitting = new byte[samples.length * 3];
      for (int i = 0; i < fitting.length; i++) {
        fitting[i] = samples[i / 3];
      }
    }
    return convert(bytes, new DataBufferByte(fitting, fitting.length));
  }

  /** Converts 16-bit samples in 16 bits; the results are rounded. */
  byte[] convert(short[] samples, int count) {
    short[] fitting = samples;
    if (count == 1 && channels == 3) {
      fitting = new short[samples.length * 3];
      for (int i = 0; i < fitting.length; i++) {
        fitting[i] = samples[i / 3];
      }
    }
    return convert(shorts, new DataBufferUShort(fitting, fitting.length));
  }

  private byte[] convert(ColorConvertOp op, DataBuffer samples) {
    int pixels = samples.getSize() / channels;
    int[] offsets = new int[channels];
    for (int c = 0; c < channels; c++) {
      offsets[c] = c;
    }
    Raster in =
        Raster.createInterleavedRaster(
            samples, pixels, 1, pixels * channels, channels, offsets, null);
    byte[] rgb = new byte[pixels * 3];
    WritableRaster out =
        Raster.createInterleavedRaster(
            new DataBufferByte(rgb, rgb.length),
            pixels,
            1,
            pixels * 3,
            3,
            new int[] {0, 1, 2},
            null);
    synchronized (op) {
      op.filter(in, out);
    }
    return rgb;
  }
}
