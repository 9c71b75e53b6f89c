package io.glmimage.digest;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** SHA-256 of byte arrays and texts, as bytes or as 64 lower-case hexadecimal digits. */
public final class Sha256 {
  /** Length of a digest in bytes. */
  public static final int BYTES = 32;

  private Sha256() {}

  /** A new digest, for input that comes in several parts. */
  public static MessageDigest start() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("Every Java platform has SHA-256", e);
    }
  }

  public static byte[] of(byte[] bytes) {
    return start().digest(bytes);
  }

  public static byte[] of(byte[] bytes, int offset, int length) {
    MessageDigest digest = start();
    digest.update(bytes, offset, length);
    return digest.digest();
  }

  public static String hex(byte[] bytes) {
    return HexFormat.of().formatHex(of(bytes));
  }

  /** The digest of a text in UTF-8. */
  public static String hex(String text) {
    return hex(text.getBytes(StandardCharsets.UTF_8));
  }

  /** Ends a digest that {@link #start} began. */
  public static String hex(MessageDigest started) {
    return HexFormat.of().formatHex(started.digest());
  }
}
