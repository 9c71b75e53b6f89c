package io.glmimage.spark.results;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;

/** Reads tar archives with the JDK alone, so that the writer and the tests share no mistake. */
public final class Tars {
  private Tars() {}

  /** The files in an archive, by name. */
  public static Map<String, byte[]> untar(byte[] tar) {
    Map<String, byte[]> files = new TreeMap<>();
    int at = 0;
    while (tar[at] != 0) {
      String header = new String(tar, at, 512, StandardCharsets.ISO_8859_1);
      String name = header.substring(0, header.indexOf('\0'));
      int size = Integer.parseInt(header.substring(124, 135), 8);
      int sum = 0;
      for (int i = 0; i < 512; i++) {
        sum += i >= 148 && i < 156 ? ' ' : tar[at + i] & 255;
      }
      assertEquals(sum, Integer.parseInt(header.substring(148, 154), 8));
      assertEquals("ustar", header.substring(257, 262));
      files.put(name, Arrays.copyOfRange(tar, at + 512, at + 512 + size));
      at += 512 + (size + 511) / 512 * 512;
    }
    assertEquals(tar.length, at + 1024);
    return files;
  }
}
