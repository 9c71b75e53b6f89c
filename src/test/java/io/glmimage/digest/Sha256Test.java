package io.glmimage.digest;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

/** Digests of known inputs; the expected values are the examples of FIPS 180. */
class Sha256Test {
  private static final String ABC =
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

  @Test
  void digestsTexts() {
    assertEquals(ABC, Sha256.hex("abc"));
    assertEquals(
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", Sha256.hex(""));
  }

  @Test
  void digestsPartOfAnArray() {
    byte[] bytes = "xabcx".getBytes(StandardCharsets.US_ASCII);
    assertArrayEquals(HexFormat.of().parseHex(ABC), Sha256.of(bytes, 1, 3));
  }

  @Test
  void digestsPartsOneAfterTheOther() {
    MessageDigest digest = Sha256.start();
    digest.update((byte) 'a');
    digest.update("bc".getBytes(StandardCharsets.US_ASCII));
    assertEquals(ABC, Sha256.hex(digest));
  }
}
