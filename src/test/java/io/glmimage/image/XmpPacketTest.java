package io.glmimage.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.adobe.internal.xmp.XMPMeta;
import com.adobe.internal.xmp.XMPMetaFactory;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class XmpPacketTest {
  private static final int NO_LIMIT = 1 << 20;

  private static String description(byte[] packet) throws Exception {
    XMPMeta meta = XMPMetaFactory.parseFromBuffer(packet);
    return meta.getLocalizedText(
            "http://purl.org/dc/elements/1.1/", "description", null, "x-default")
        .getValue();
  }

  @Test
  void readersFindTheTexts() throws Exception {
    Map<String, String> texts = new LinkedHashMap<>();
    texts.put("Description", "a <b> & \"c\" 😀\r\nd\te");
    texts.put("Software", "glm-image-spark 1");
    texts.put("Step Cache", "{\"x\":1}");
    byte[] packet = XmpPacket.of(texts, NO_LIMIT);
    assertEquals("a <b> & \"c\" 😀\r\nd\te", description(packet));
    XMPMeta meta = XMPMetaFactory.parseFromBuffer(packet);
    assertEquals(
        "glm-image-spark 1", meta.getPropertyString("http://ns.adobe.com/xap/1.0/", "CreatorTool"));
    assertEquals("{\"x\":1}", meta.getPropertyString("urn:glm-image-spark:1", "StepCache"));
    assertArrayEquals(packet, XmpPacket.of(texts, NO_LIMIT));
  }

  @Test
  void charactersThatXmlForbidsAreLeftOut() throws Exception {
    assertEquals(
        "abcd",
        description(XmpPacket.of(Map.of("Description", "a\u0001b\uFFFEc\uD800d"), NO_LIMIT)));
  }

  @Test
  void longTextsAreCutToTheLimit() throws Exception {
    byte[] packet = XmpPacket.of(Map.of("Description", "&".repeat(5000), "Software", "p"), 2000);
    assertTrue(packet.length <= 2000, packet.length + " bytes");
    String cut = description(packet);
    assertTrue(cut.length() > 100 && "&".repeat(5000).startsWith(cut), cut);
  }

  @Test
  void aCutNeverSplitsACharacter() throws Exception {
    for (int limit = 700; limit < 720; limit++) {
      byte[] packet = XmpPacket.of(Map.of("Description", "x" + "😀".repeat(400)), limit);
      String text = new String(packet, StandardCharsets.UTF_8);
      assertFalse(text.contains("?😀") || text.contains("\uFFFD"), text);
      assertTrue(description(packet).matches("x?(😀)*"), text);
    }
  }
}
