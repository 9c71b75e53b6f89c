package io.glmimage.spark;

import io.glmimage.io.Storage;
import io.glmimage.io.StoredFile;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * Tells models apart without reading all of their weights: by the names and sizes of all files, the
 * whole content of small ones (configurations, tokenizers), and the heads of large ones, which say
 * what tensors a file of weights holds.
 */
final class ModelFingerprint {
  private static final long SMALL_BYTES = 1 << 20;
  private static final int HEAD_BYTES = 1 << 16;

  private ModelFingerprint() {}

  /**
   * @param folder of the model; its own place is not part of the digest
   */
  static String of(String folder, Storage storage) throws IOException {
    MessageDigest digest = sha256();
    String root = storage.qualified(folder) + "/";
    for (StoredFile file : storage.files(folder)) {
      String name = file.path().startsWith(root) ? file.path().substring(root.length()) : "";
      if (name.isEmpty() || name.startsWith(".") || name.contains("/.")) {
        continue;
      }
      byte[] head =
          file.bytes() <= SMALL_BYTES
              ? storage.read(file.path(), SMALL_BYTES)
              : storage.head(file.path(), HEAD_BYTES);
      ByteArrayOutputStream entry = new ByteArrayOutputStream();
      entry.writeBytes(name.getBytes(StandardCharsets.UTF_8));
      entry.writeBytes(
          ByteBuffer.allocate(2 * Long.BYTES).putLong(file.bytes()).putLong(head.length).array());
      entry.writeBytes(head);
      digest.update(ByteBuffer.allocate(Integer.BYTES).putInt(entry.size()).array());
      digest.update(entry.toByteArray());
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("Every Java platform has SHA-256", e);
    }
  }
}
