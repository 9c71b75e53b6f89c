package io.glmimage.image;

import com.twelvemonkeys.imageio.stream.ByteArrayImageInputStream;
import io.glmimage.error.InvalidRequestException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import javax.imageio.IIOException;
import javax.imageio.ImageReadParam;
import javax.imageio.ImageReader;
import javax.imageio.stream.ImageInputStream;

/**
 * Decodes PNG, JPEG, WebP, BMP, TIFF and GIF files to 8-bit RGB. The first bytes of a file decide
 * its format, never its name. The first image or frame of a file is read.
 *
 * <p>Without a colour profile the values are those of Pillow's {@code convert("RGB")}: palettes are
 * resolved; 1, 2 and 4-bit grey is stretched to 0..255; 16-bit samples keep their high byte; CMYK
 * is multiplied out. {@link ColourRules} decide about profiles and alpha.
 *
 * <p>The size in the header is checked before any pixel is decoded. ImageIO plug-ins are not looked
 * up through the class path, and no temporary file is written.
 *
 * <p>Damaged or unsupported files cause an {@link InvalidRequestException} that names the image. An
 * {@link IllegalStateException} means that this machine lacks a library.
 */
public final class ImageDecoder {
  /** Pillow refuses larger images as decompression bombs. */
  public static final long DEFAULT_MAX_PIXELS = 178_956_970L;

  private static final String KNOWN = "PNG, JPEG, WebP, BMP, TIFF, GIF";

  /** Messages show the start of longer texts. */
  private static final int SHOWN_CHARS = 60;

  private static final Set<String> AVIF = Set.of("avif", "avis");

  private static final Set<String> HEIC =
      Set.of("heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs", "mif1", "msf1");

  private ImageDecoder() {}

  /**
   * Decodes an image and turns it upright, with {@link #DEFAULT_MAX_PIXELS} as the limit and the
   * {@linkplain ColourRules#DEFAULT default rules}.
   *
   * @param name of the image in messages
   */
  public static RgbImage decode(byte[] bytes, String name) {
    return decode(bytes, name, DEFAULT_MAX_PIXELS);
  }

  /**
   * Decodes an image and turns it upright, with the {@linkplain ColourRules#DEFAULT default rules}.
   *
   * @param name of the image in messages
   * @param maxPixels height x width; larger images are refused
   */
  public static RgbImage decode(byte[] bytes, String name, long maxPixels) {
    return read(bytes, name, maxPixels, ColourRules.DEFAULT).image();
  }

  /**
   * Decodes a source image and turns it upright, with {@link #DEFAULT_MAX_PIXELS} as the limit.
   *
   * @param name of the image in messages
   */
  public static SourceImage read(byte[] bytes, String name, ColourRules rules) {
    return read(bytes, name, DEFAULT_MAX_PIXELS, rules);
  }

  /**
   * Decodes a source image and turns it upright.
   *
   * @param name of the image in messages
   * @param maxPixels height x width; larger images are refused
   */
  public static SourceImage read(byte[] bytes, String name, long maxPixels, ColourRules rules) {
    try {
      ImageFormat format = format(bytes, name);
      Samples samples = samples(format, bytes, name, maxPixels, rules);
      MetadataBlocks blocks = MetadataBlocks.of(bytes, format);
      IccConversion.Known profile =
          rules.convert()
              ? ColourProfile.of(blocks, samples.model(), name)
              : IccConversion.Known.SRGB;
      RgbImage stored = RgbConversion.of(samples, profile.conversion(), rules.background());
      return new SourceImage(
          Orientation.of(blocks, format).apply(stored), SourceTraits.of(format, bytes, profile));
    } catch (OutOfMemoryError e) {
      // One array of the size of the image did not fit. The heap is as usable as before.
      throw new InvalidRequestException(
          "Cannot read image "
              + name
              + ": its pixels do not fit into the free memory of this process ("
              + (Runtime.getRuntime().maxMemory() >> 20)
              + " MiB in all); make the image smaller, or give the executors more memory",
          e);
    }
  }

  /** Decodes as the reference does, without applying the orientation. */
  public static RgbImage decodeStored(byte[] bytes, String name, long maxPixels) {
    ColourRules rules = ColourRules.REFERENCE;
    Samples samples = samples(format(bytes, name), bytes, name, maxPixels, rules);
    return RgbConversion.of(samples, null, rules.background());
  }

  private static Samples samples(
      ImageFormat format, byte[] bytes, String name, long maxPixels, ColourRules rules) {
    return format == ImageFormat.WEBP
        ? webp(bytes, name, maxPixels, rules.background() != null)
        : withReader(format, bytes, name, maxPixels);
  }

  private static Samples webp(byte[] bytes, String name, long maxPixels, boolean alpha) {
    try {
      WebpFile webp = WebpFile.of(bytes);
      checkSize(webp.width(), webp.height(), ImageFormat.WEBP, name, maxPixels);
      Leptonica.require("read image " + name);
      return WebpDecoder.decode(bytes, webp, alpha);
    } catch (IOException e) {
      throw damaged(ImageFormat.WEBP, name, e);
    }
  }

  private static Samples withReader(ImageFormat format, byte[] bytes, String name, long maxPixels) {
    ImageReader reader;
    try {
      reader = ImageReaders.open(format);
    } catch (LinkageError e) {
      throw new IllegalStateException(
          "Cannot read image "
              + name
              + ": this Java runtime cannot load its library for "
              + format
              + " ("
              + e.getMessage()
              + "); install a full Java 17 runtime, and libjpeg for JPEG images",
          e);
    }
    List<String> warnings = new ArrayList<>();
    try {
      DeclaredSize.checkFile(format, bytes);
      switch (format) {
        case TIFF -> TiffKind.check(bytes);
        case PNG -> PngChunks.checkHead(bytes);
        default -> {
          // Nothing that their readers would not find.
        }
      }
      GifFrame gif = format == ImageFormat.GIF ? GifFrame.of(bytes) : null;
      ImageInputStream input = new ByteArrayImageInputStream(gif == null ? bytes : gif.still());
      // Metadata is skipped because it may be damaged.
      reader.setInput(input, false, true);
      reader.addIIOReadWarningListener((source, warning) -> warnings.add(warning));
      checkSize(reader.getWidth(0), reader.getHeight(0), format, name, maxPixels);
      DeclaredSize.checkPixels(format, bytes, reader.getWidth(0), reader.getHeight(0));
      Samples samples =
          switch (format) {
            case JPEG -> JpegPixels.of(bytes, reader.readRaster(0, null));
            case GIF -> {
              checkSize(gif.width(), gif.height(), format, name, maxPixels);
              yield gif.decode(reader);
            }
            case TIFF -> RasterPixels.of(reader.read(0, asStored(reader)));
            case PNG -> {
              Samples stored = RasterPixels.of(reader.read(0));
              PngChunks.checkPixels(bytes);
              yield stored;
            }
            default -> RasterPixels.of(reader.read(0));
          };
      checkComplete(warnings, format, name);
      return samples;
    } catch (InvalidRequestException e) {
      throw e;
    } catch (IOException | RuntimeException e) {
      // Readers answer damaged files with all kinds of runtime exceptions.
      throw damaged(format, name, e);
    } finally {
      reader.dispose();
    }
  }

  /**
   * Keeps what the file says about alpha. By default, the TIFF reader gives images whose alpha has
   * been multiplied into the colours as images where it has not, and other fourth samples as alpha.
   */
  private static ImageReadParam asStored(ImageReader reader) throws IOException {
    ImageReadParam stored = reader.getDefaultReadParam();
    stored.setDestinationType(reader.getRawImageType(0));
    return stored;
  }

  private static InvalidRequestException damaged(ImageFormat format, String name, Exception e) {
    return new InvalidRequestException(
        "Cannot read image "
            + name
            + ": the "
            + format
            + " file is damaged, truncated or of an unsupported kind ("
            + reason(e)
            + ")",
        e);
  }

  private static String reason(Throwable e) {
    Throwable cause = e;
    while (cause instanceof IIOException && cause.getCause() != null) {
      cause = cause.getCause();
    }
    String message = cause.getMessage();
    String type = cause.getClass().getSimpleName();
    return message == null ? type : cause instanceof IOException ? message : type + ": " + message;
  }

  /**
   * Checks the size in a header, as stored.
   *
   * @throws InvalidRequestException if an image of this size is not read
   */
  static void checkSize(int width, int height, ImageFormat format, String name, long maxPixels) {
    if (width <= 0 || height <= 0) {
      throw new InvalidRequestException(
          "Cannot read image "
              + name
              + ": its "
              + format
              + " header says "
              + width
              + " x "
              + height
              + " pixels");
    }
    // An RGB image must also fit into one Java array.
    long limit = Math.min(maxPixels, (Integer.MAX_VALUE - 8) / 3);
    if ((long) width * height > limit) {
      throw new InvalidRequestException(
          "Cannot read image "
              + name
              + ": it has "
              + width
              + " x "
              + height
              + " pixels, more than the limit of "
              + limit
              + " in all");
    }
  }

  /**
   * Refuses images about which the reader warned. JPEG readers fill the rest of a truncated image
   * with grey, and such an image must not be edited.
   */
  private static void checkComplete(List<String> warnings, ImageFormat format, String name) {
    for (String warning : warnings) {
      String text = warning.toLowerCase(Locale.ROOT);
      // A damaged profile costs no pixels. ColourProfile judges it again, for all formats.
      if (text.contains("icc profile")) {
        continue;
      }
      if (text.contains("truncated")
          || text.contains("premature end")
          || text.contains("bad huffman")) {
        throw new InvalidRequestException(
            "Cannot read image "
                + name
                + ": the "
                + format
                + " file is damaged or truncated ("
                + warning
                + ")");
      }
    }
  }

  /** The format of a file; the message of the exception says what the file seems to be. */
  static ImageFormat format(byte[] bytes, String name) {
    if (bytes.length == 0) {
      throw new InvalidRequestException("Cannot read image " + name + ": the file is empty");
    }
    return ImageFormat.of(bytes)
        .orElseThrow(
            () ->
                new InvalidRequestException(
                    "Cannot read image "
                        + name
                        + ": not in a supported image format ("
                        + KNOWN
                        + "); "
                        + describe(bytes)));
  }

  /**
   * Describes an ISO media file by the brands of its first box. Phones write HEIC. No decoder comes
   * with this program. The first brand of either kind of image may be {@code mif1}.
   *
   * @param box of type {@code ftyp}: size, type, first brand, version, other brands
   */
  private static String isoMedia(String box) {
    String first = box.substring(8, 12);
    Set<String> brands = new HashSet<>(Set.of(first));
    long size =
        (long) box.charAt(0) << 24 | box.charAt(1) << 16 | box.charAt(2) << 8 | box.charAt(3);
    for (int at = 16; at + 4 <= Math.min(box.length(), size); at += 4) {
      brands.add(box.substring(at, at + 4));
    }
    if (!Collections.disjoint(brands, AVIF)) {
      return "it is an AVIF file (\"" + first + "\"); convert it first: avifdec IN.avif OUT.png";
    }
    if (!Collections.disjoint(brands, HEIC)) {
      return "it is a HEIC file (\""
          + first
          + "\"); convert it first: heif-convert IN.heic OUT.png";
    }
    return "it is a video or another file of the MP4 family (\"" + first + "\")";
  }

  private static String describe(byte[] bytes) {
    String start =
        new String(bytes, 0, Math.min(bytes.length, 256), StandardCharsets.ISO_8859_1)
            .toLowerCase(Locale.ROOT);
    String text = start.strip();
    if (text.startsWith("<!doctype html") || text.startsWith("<html")) {
      return "it is an HTML page";
    }
    if (text.startsWith("<svg") || text.startsWith("<?xml")) {
      return "it is an SVG or XML file";
    }
    if (start.startsWith("%pdf")) {
      return "it is a PDF file";
    }
    if (start.length() >= 12 && start.startsWith("ftyp", 4)) {
      return isoMedia(start);
    }
    if (start.startsWith("\u00ff\n") || start.startsWith("jxl ", 4)) {
      return "it is a JPEG XL file; convert it first: djxl IN.jxl OUT.png";
    }
    if (start.startsWith("\u00ffo\u00ffq") || start.startsWith("jp  ", 4)) {
      return "it is a JPEG 2000 file; convert it first: opj_decompress -i IN.jp2 -o OUT.png";
    }
    if (text.startsWith("version https://git-lfs")) {
      return "it is a pointer of Git LFS; fetch the image with git lfs pull";
    }
    if (start.chars().allMatch(c -> (c >= ' ' && c <= '~') || (c >= '\t' && c <= '\r'))) {
      String line =
          new String(bytes, 0, start.length(), StandardCharsets.ISO_8859_1)
              .lines()
              .map(String::strip)
              .filter(some -> !some.isEmpty())
              .findFirst()
              .orElse("");
      return "it is text: "
          + (line.length() <= SHOWN_CHARS ? line : line.substring(0, SHOWN_CHARS) + "...");
    }
    StringBuilder hex = new StringBuilder();
    for (int i = 0; i < Math.min(8, bytes.length); i++) {
      hex.append(String.format(" %02x", bytes[i]));
    }
    return "its " + bytes.length + " bytes start with" + hex;
  }
}
