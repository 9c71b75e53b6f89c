package io.glmimage.image;

import java.awt.image.BufferedImage;
import java.awt.image.DataBufferByte;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
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
 * Writes pictures as baseline JPEG files (YCbCr, 4:2:0) with the JDK's encoder. The same picture,
 * quality and texts give the same bytes. Formats: ITU-T T.81 with JFIF; XMP, part 3 (ISO 16684-1).
 */
public final class JpegEncoder {
  /** Of the XMP segment: its length field counts 16 bits, itself included. */
  private static final int LONGEST_SEGMENT = 0xffff - 2;

  private static final String XMP_NAMESPACE = "http://ns.adobe.com/xap/1.0/\0";

  private static final ImageWriterSpi WRITER = inJdk();

  private JpegEncoder() {}

  /**
   * Whether this Java runtime can write JPEG files. Minimal runtimes come without the system
   * library that its encoder needs.
   */
  public static boolean available() {
    return Native.PROBLEM == null;
  }

  /**
   * @param quality 1 to 100
   * @param texts written as an XMP packet: {@code Description} as dc:description, {@code Software}
   *     as xmp:CreatorTool, others as properties of this program. Where they are longer than the 64
   *     KiB of a segment, the longest is cut.
   * @throws IllegalStateException where {@link #available} is false
   */
  public static byte[] jpeg(RgbImage image, int quality, Map<String, String> texts) {
    if (Native.PROBLEM != null) {
      throw new IllegalStateException(
          "Cannot encode a picture as JPEG: this Java runtime cannot load its JPEG library ("
              + Native.PROBLEM
              + "); install a full Java 17 runtime and libjpeg, or choose another output format");
    }
    BufferedImage picture =
        new BufferedImage(image.width(), image.height(), BufferedImage.TYPE_3BYTE_BGR);
    byte[] target = ((DataBufferByte) picture.getRaster().getDataBuffer()).getData();
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
        writer.write(null, new IIOImage(picture, null, null), parameters);
      } finally {
        writer.dispose();
      }
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot encode a picture as JPEG: " + e.getMessage(), e);
    }
    return texts.isEmpty() ? encoded.toByteArray() : withXmp(encoded.toByteArray(), texts);
  }

  /** Puts the packet behind the JFIF segment, which must come first. */
  private static byte[] withXmp(byte[] jpeg, Map<String, String> texts) {
    byte[] packet = segment(texts);
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

  private static byte[] segment(Map<String, String> texts) {
    // Halved until it fits: characters take one to twenty bytes here.
    for (int longest = LONGEST_SEGMENT; ; longest /= 2) {
      byte[] bytes = (XMP_NAMESPACE + packet(texts, longest)).getBytes(StandardCharsets.UTF_8);
      if (bytes.length <= LONGEST_SEGMENT || longest == 0) {
        return bytes;
      }
    }
  }

  private static String packet(Map<String, String> texts, int longest) {
    StringBuilder xmp = new StringBuilder();
    xmp.append("<?xpacket begin=\"\uFEFF\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n")
        .append("<x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\n")
        .append("<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\n")
        .append("<rdf:Description rdf:about=\"\"")
        .append(" xmlns:dc=\"http://purl.org/dc/elements/1.1/\"")
        .append(" xmlns:xmp=\"http://ns.adobe.com/xap/1.0/\"")
        .append(" xmlns:glm=\"urn:glm-image-spark:1\">\n");
    texts.forEach(
        (keyword, text) -> {
          String cut = escaped(cut(text, longest));
          switch (keyword) {
            case "Description" ->
                xmp.append("<dc:description><rdf:Alt><rdf:li xml:lang=\"x-default\">")
                    .append(cut)
                    .append("</rdf:li></rdf:Alt></dc:description>\n");
            case "Software" ->
                xmp.append("<xmp:CreatorTool>").append(cut).append("</xmp:CreatorTool>\n");
            default -> {
              String name = keyword.replaceAll("[^A-Za-z0-9]", "");
              xmp.append("<glm:" + name + ">").append(cut).append("</glm:" + name + ">\n");
            }
          }
        });
    return xmp.append("</rdf:Description>\n</rdf:RDF>\n</x:xmpmeta>\n<?xpacket end=\"r\"?>")
        .toString();
  }

  private static String cut(String text, int longest) {
    if (text.length() <= longest) {
      return text;
    }
    int end =
        longest > 0 && Character.isHighSurrogate(text.charAt(longest - 1)) ? longest - 1 : longest;
    return text.substring(0, end);
  }

  /** As XML 1.0 text: what it does not allow is left out. */
  private static String escaped(String text) {
    StringBuilder out = new StringBuilder(text.length() + 16);
    text.codePoints()
        .filter(
            c ->
                c == '\t'
                    || c == '\n'
                    || c == '\r'
                    || (c >= 0x20 && c <= 0xd7ff)
                    || (c >= 0xe000 && c <= 0xfffd)
                    || c >= 0x10000)
        .forEach(
            c -> {
              switch (c) {
                case '&' -> out.append("&amp;");
                case '<' -> out.append("&lt;");
                case '>' -> out.append("&gt;");
                case '\r' -> out.append("&#13;");
                default -> out.appendCodePoint(c);
              }
            });
    return out.toString();
  }

  /** Not whatever other writer a cluster's class path brings: bytes must not depend on that. */
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

  /** Loads the encoder's library once. */
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
