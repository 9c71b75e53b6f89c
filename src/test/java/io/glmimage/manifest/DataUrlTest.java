package io.glmimage.manifest;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class DataUrlTest {
  @Test
  void dataUrlsAreDecodedAndShownShort() {
    String url = "data:image/png;base64,AQID";
    assertTrue(DataUrl.is(url) && DataUrl.is("DATA:,x") && !DataUrl.is("s3a://b/data:x"));
    assertArrayEquals(new byte[] {1, 2, 3}, DataUrl.bytes(url));
    assertEquals("data:image/png;base64,... (26 characters)", DataUrl.shown(url));
    assertEquals("x.png", DataUrl.shown("x.png"));
    assertEquals("data:image,... (10 characters)", DataUrl.shown("data:image"));
    assertThrows(IllegalArgumentException.class, () -> DataUrl.bytes("data:image/png,abc"));
    assertThrows(IllegalArgumentException.class, () -> DataUrl.bytes("data:x;base64,!!"));
  }

  @Test
  void dataMayBeEscapedAndBroken() {
    byte[] bytes = {-5, -1, 1};
    for (String url :
        new String[] {
          "data:image/png;base64,+/8B",
          "DATA:IMAGE/PNG;BASE64,+/8B",
          " \ndata:;base64,+/\r\n 8B",
          "data:text/plain; base64,%2B%2f8B",
          "data:image/png;base64,-_8B"
        }) {
      assertTrue(DataUrl.is(url), url);
      assertArrayEquals(bytes, DataUrl.bytes(url), url);
    }
  }

  @Test
  void urlsWithoutDataAreRefusedWithTheReason() {
    for (String url :
        new String[] {
          "data:",
          "data:,",
          "data:image/png",
          "data:image/png;base64",
          "data:image/png;base64,",
          "data:;base64, \n",
          "data:image/png;base64,%",
          "data:image/png;base64,\u00e9"
        }) {
      DataUrl.shown(url);
      String why =
          assertThrows(IllegalArgumentException.class, () -> DataUrl.bytes(url), url).getMessage();
      assertTrue(why != null && !why.isBlank(), url);
    }
  }

  @Test
  void bareBase64IsRecognised() {
    String png = "iVBORw0KGgo" + "A".repeat(80);
    assertTrue(DataUrl.isBase64(png) && DataUrl.isBase64("/9j/" + "b".repeat(80)));
    assertTrue(DataUrl.isBase64("Z".repeat(2000)));
    assertFalse(DataUrl.isBase64("/9j/a.jpg") || DataUrl.isBase64("folder/" + "a".repeat(90)));
    assertFalse(DataUrl.isBase64("iVBORw0KGgo" + "A".repeat(80) + ".png"));
    assertTrue(DataUrl.shown(png).length() < 80);
    assertTrue(ImagePaths.problem(png).contains("write data:image/png;base64, before it"));
    assertTrue(ImagePaths.problem("x".repeat(5000) + ".png").length() < 2300);
    assertEquals("data:image;base64," + png, DataUrl.ofBase64(png));
  }
}
