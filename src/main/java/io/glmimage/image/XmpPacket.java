package io.glmimage.image;

import java.nio.charset.StandardCharsets;
import java.util.Map;

/**
 * Texts about an image as an XMP packet: {@code Description} as dc:description, {@code Software} as
 * xmp:CreatorTool, others as properties of this program. Format: XMP, part 1 (ISO 16684-1).
 *
 * <p>Adobe's xmpcore, which the tests read packets with, does not replace this class. Its
 * serialiser keeps control characters that XML forbids, writes its own version into each packet and
 * cannot limit a packet's length.
 */
final class XmpPacket {
  private XmpPacket() {}

  /**
   * The packet in UTF-8.
   *
   * @param texts keyword to text
   * @param longest length of the packet in bytes; if necessary, the longest texts are cut
   */
  static byte[] of(Map<String, String> texts, int longest) {
    // Halves the number of characters per text until the packet fits.
    for (int characters = longest; ; characters /= 2) {
      byte[] bytes = packet(texts, characters).getBytes(StandardCharsets.UTF_8);
      if (bytes.length <= longest || characters == 0) {
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

  /** As XML 1.0 text, without the characters that XML 1.0 forbids. */
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
}
