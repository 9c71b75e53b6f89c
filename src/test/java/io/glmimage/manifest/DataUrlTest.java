package io.glmimage.manifest;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
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
}
