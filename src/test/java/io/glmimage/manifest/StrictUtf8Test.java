package io.glmimage.manifest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.SequenceInputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;

class StrictUtf8Test {
  private static List<String> lines(byte[] content) throws IOException {
    return new BufferedReader(TextEncoding.reader(new ByteArrayInputStream(content), "f"))
        .lines()
        .toList();
  }

  @Test
  void textsAtTheEdgesOfTheBuffersAreWhole() throws IOException {
    for (int before : new int[] {0, 65_533, 65_534, 65_535, 65_536, 131_071}) {
      String text = "a".repeat(before) + "\u00e9\u3000\uD83D\uDE00z";
      List<String> lines = lines(text.getBytes(StandardCharsets.UTF_8));
      assertEquals(List.of(text), lines);
      assertNull(StrictUtf8.problem(lines.get(0)));
    }
  }

  @Test
  void everyKindOfBadBytesIsFoundOnItsLine() throws IOException {
    for (String bad :
        List.of(
            "e9", // Latin-1
            "80", // a continuation without a start
            "c0af", // overlong
            "e08080",
            "f0808080",
            "eda081", // half of a surrogate pair
            "eda0bdedb880", // CESU-8
            "f4908080", // beyond U+10FFFF
            "c3", // cut off
            "e282",
            "f09f98",
            "ff",
            "fe")) {
      for (int before : new int[] {0, 65_530}) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        bytes.writeBytes("good \u00e9\n".getBytes(StandardCharsets.UTF_8));
        bytes.writeBytes("a".repeat(before).getBytes(StandardCharsets.UTF_8));
        bytes.writeBytes(HexFormat.of().parseHex(bad));
        List<String> atEnd = lines(bytes.toByteArray());
        assertEquals(2, atEnd.size(), bad);
        assertNotNull(StrictUtf8.problem(atEnd.get(1)), bad);
        bytes.writeBytes("z\ngood".getBytes(StandardCharsets.UTF_8));
        List<String> lines = lines(bytes.toByteArray());
        assertNull(StrictUtf8.problem(lines.get(0)), bad);
        assertTrue(StrictUtf8.problem(lines.get(1)).startsWith("is not UTF-8 (byte 0x"), bad);
        assertTrue(lines.get(1).endsWith("z"), bad);
        assertFalse(lines.get(1).contains("\uFFFD"), bad);
        assertEquals("good", lines.get(2), bad);
      }
    }
  }

  @Test
  void gzipMayHaveSeveralMembersButMustBeWhole() throws IOException {
    byte[] one = gzip("a\n");
    byte[] two = gzip("b\n");
    ByteArrayInputStream first = new ByteArrayInputStream(one);
    // At the seam, nothing more is available.
    SequenceInputStream both = new SequenceInputStream(first, new ByteArrayInputStream(two));
    assertEquals(
        List.of("a", "b"), new BufferedReader(TextEncoding.reader(both, "f")).lines().toList());
    Exception cut = assertThrows(Exception.class, () -> lines(Arrays.copyOf(one, one.length - 9)));
    assertTrue(cut.getMessage().contains("its gzip data are damaged or cut off"), cut.getMessage());
  }

  @Test
  void nothingAfterAGzipMemberIsIgnored() throws IOException {
    byte[] one = gzip("a\n");
    byte[] two = gzip("b\n");
    // A second member that is cut off at any byte, in its header too.
    for (int kept = 1; kept < two.length; kept++) {
      ByteArrayOutputStream both = new ByteArrayOutputStream();
      both.writeBytes(one);
      both.writeBytes(Arrays.copyOf(two, kept));
      assertThrows(Exception.class, () -> lines(both.toByteArray()), kept + " bytes");
    }
    ByteArrayOutputStream plain = new ByteArrayOutputStream();
    plain.writeBytes(one);
    plain.writeBytes("b\n".getBytes(StandardCharsets.UTF_8));
    assertThrows(Exception.class, () -> lines(plain.toByteArray()));
  }

  private static byte[] gzip(String text) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (GZIPOutputStream out = new GZIPOutputStream(bytes)) {
      out.write(text.getBytes(StandardCharsets.UTF_8));
    }
    return bytes.toByteArray();
  }

  @Test
  void otherEncodingsAreNamed() throws IOException {
    String line = "{\"prompt\":\"x\"}\n";
    for (Map.Entry<String, byte[]> file :
        Map.of(
                "UTF-16", line.getBytes(StandardCharsets.UTF_16),
                "UTF-16LE", line.getBytes(StandardCharsets.UTF_16LE),
                "UTF-16BE", line.getBytes(StandardCharsets.UTF_16BE),
                "empty", new byte[0],
                "Zstandard", HexFormat.of().parseHex("28b52ffd00"),
                "bzip2", "BZh91AY".getBytes(StandardCharsets.US_ASCII))
            .entrySet()) {
      String problem = TextEncoding.problem(file.getValue());
      assertNotNull(problem, file.getKey());
      assertTrue(problem.contains(file.getKey()), problem);
    }
    byte[] chinese = (line + "\u4E00".repeat(2000)).getBytes(StandardCharsets.UTF_16LE);
    assertTrue(TextEncoding.problem(chinese).contains("UTF-16LE"), "most of it is not ASCII");
    assertNull(TextEncoding.problem(line.getBytes(StandardCharsets.UTF_8)));
    assertNull(TextEncoding.problem(gzip(line)));
    assertTrue(TextEncoding.problem(gzip("")).contains("empty"));
  }

  @Test
  void whiteSpaceOfAnyKindIsBlank() {
    assertTrue(
        Texts.isBlank(" \t\u00a0\u2007\u202f\u3000\u200b\u200d\u2060\ufeff\u2800\u3164\u0085"));
    assertFalse(Texts.isBlank("\u00a0.\u00a0"));
    assertFalse(Texts.isBlank("\uD83D\uDE00"));
  }
}
