package io.glmimage.image;

import java.awt.image.BufferedImage;
import java.awt.image.DataBufferByte;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import javax.imageio.IIOImage;
import javax.imageio.ImageWriteParam;
import javax.imageio.ImageWriter;
import javax.imageio.spi.IIORegistry;
import javax.imageio.spi.ImageWriterSpi;
import javax.imageio.stream.MemoryCacheImageOutputStream;

/**
 * Writes images as baseline JPEG files (YCbCr, 4:2:0) with the JDK's encoder. The same image,
 * quality and texts give the same bytes. Formats: ITU-T T.81 with JFIF; XMP specification, part 3.
 */
public final class JpegEncoder {
  /** In bytes: the length field of a segment has 16 bits and counts itself. */
  private static final int LONGEST_SEGMENT = 0xffff - 2;

  private static final String XMP_NAMESPACE = "http://ns.adobe.com/xap/1.0/\0";

  private static final byte[] EXIF_PREAMBLE = {'E', 'x', 'i', 'f', 0, 0};

  private static final ImageWriterSpi WRITER = inJdk();

  private JpegEncoder() {}

  /**
   * Whether this Java runtime can write JPEG files. Minimal runtimes lack the system library that
   * the encoder needs.
   */
  public static boolean available() {
    return Native.PROBLEM == null;
  }

  /**
   * Encodes an image.
   *
   * @param quality 1 to 100
   * @param texts written as an {@linkplain XmpPacket XMP packet}. If they exceed the 64 KiB of a
   *     segment, the longest one is cut.
   * @throws IllegalStateException if {@link #available} is false
   */
  public static byte[] jpeg(RgbImage image, int quality, Map<String, String> texts) {
    return jpeg(image, quality, texts, new byte[0]);
  }

  /**
   * Encodes an image.
   *
   * @param quality 1 to 100
   * @param texts as above
   * @param exif starts with a TIFF header, at most 65000 bytes; empty for none
   */
  public static byte[] jpeg(RgbImage image, int quality, Map<String, String> texts, byte[] exif) {
    if (Native.PROBLEM != null) {
      throw new IllegalStateException(
          "Cannot encode an image as JPEG: this Java runtime cannot load its JPEG library ("
              + Native.PROBLEM
              + "); install a full Java 17 runtime and libjpeg, or choose another output format");
    }
    BufferedImage buffered =
        new BufferedImage(image.width(), image.height(), BufferedImage.TYPE_3BYTE_BGR);
    byte[] target = ((DataBufferByte) buffered.getRaster().getDataBuffer()).getData();
    byte[] pixels = image.pixels();
    // [RGB] -> [BGR]
    for (int i = 0; i < pixels.length; i += 3) {
      target[i] = pixels[i + 2];
      target[i + 1] = pixels[i + 1];
      target[i + 2] = pixels[i];
    }
    ByteArrayOutputStream encoded = new ByteArrayOutputStream(pixels.length / 8 + 1024);
    try {
      ImageWriter writer = WRITER.createWriterInstance();
      try (MemoryCacheImageOutputStream out = new MemoryCacheImageOutputStream(encoded)) {
        writer.setOutput(out);
        ImageWriteParam parameters = writer.getDefaultWriteParam();
        parameters.setCompressionMode(ImageWriteParam.MODE_EXPLICIT);
        parameters.setCompressionQuality(quality / 100f);
        writer.write(null, new IIOImage(buffered, null, null), parameters);
      } finally {
        writer.dispose();
      }
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot encode an image as JPEG: " + e.getMessage(), e);
    }
    byte[] jpeg = encoded.toByteArray();
    jpeg = texts.isEmpty() ? jpeg : withSegment(jpeg, xmp(texts));
    return exif.length == 0 ? jpeg : withSegment(jpeg, joined(EXIF_PREAMBLE, exif));
  }

  /** Inserts an APP1 segment after the JFIF segment, which must come first. */
  private static byte[] withSegment(byte[] jpeg, byte[] packet) {
    int at = 2;
    if ((jpeg[2] & 255) == 0xff && (jpeg[3] & 255) == 0xe0) {
      at += 2 + ((jpeg[4] & 255) << 8 | (jpeg[5] & 255));
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream(jpeg.length + packet.length + 4);
    out.write(jpeg, 0, at);
    out.write(0xff);
    out.write(0xe1);
    out.write((packet.length + 2) >> 8);
    out.write((packet.length + 2) & 255);
    out.writeBytes(packet);
    out.write(jpeg, at, jpeg.length - at);
    return out.toByteArray();
  }

  private static byte[] xmp(Map<String, String> texts) {
    byte[] name = XMP_NAMESPACE.getBytes(StandardCharsets.US_ASCII);
    return joined(name, XmpPacket.of(texts, LONGEST_SEGMENT - name.length));
  }

  private static byte[] joined(byte[] first, byte[] second) {
    byte[] both = Arrays.copyOf(first, first.length + second.length);
    System.arraycopy(second, 0, both, first.length, second.length);
    return both;
  }

  /** The JDK's own writer. Other writers on a cluster's class path would write other bytes. */
  private static ImageWriterSpi inJdk() {
    Iterator<ImageWriterSpi> all =
        IIORegistry.getDefaultInstance().getServiceProviders(ImageWriterSpi.class, false);
    while (all.hasNext()) {
      ImageWriterSpi provider = all.next();
      if (provider.getClass().getModule() == ImageWriter.class.getModule()
          && List.of(provider.getFormatNames()).contains("jpeg")) {
        return provider;
      }
    }
    throw new IllegalStateException("This Java runtime has no writer for JPEG images");
  }

  /** Loads the encoder's native library once. */
  private static final class Native {
    static final String PROBLEM = problem();

    private static String problem() {
      try {
        WRITER.createWriterInstance().dispose();
        return null;
      } catch (LinkageError | IOException e) {
        return String.valueOf(e.getMessage());
      }
    }
  }
}
