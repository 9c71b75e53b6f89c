package io.glmimage.kernel;

import io.glmimage.digest.Sha256;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Compiled kernels on disk, one file per key. An entry is written to a temporary file, which is
 * then moved to its place in one step. Each entry starts with a digest of its content, so several
 * processes can share a folder, and an incomplete or damaged file counts as missing. If the folder
 * cannot be used, kernels are compiled in every process.
 */
final class KernelCache {
  private static final Logger LOG = LoggerFactory.getLogger(KernelCache.class);

  private final Path folder;

  KernelCache(Path folder) {
    this.folder = folder;
  }

  /**
   * The key of an entry: a hexadecimal SHA-256.
   *
   * @param parts everything that determines the compiled code
   */
  static String key(String... parts) {
    MessageDigest digest = Sha256.start();
    for (String part : parts) {
      byte[] bytes = part.getBytes(StandardCharsets.UTF_8);
      // With the lengths, ("ab", "c") and ("a", "bc") differ.
      digest.update((bytes.length + ":").getBytes(StandardCharsets.UTF_8));
      digest.update(bytes);
    }
    return Sha256.hex(digest);
  }

  /** The entry of {@code key}; empty if it is missing or damaged. */
  Optional<byte[]> read(String key) {
    byte[] file;
    try {
      file = Files.readAllBytes(path(key));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException e) {
      LOG.warn("Cannot read compiled kernel {}: {}; compiling it again", path(key), e.toString());
      return Optional.empty();
    }
    if (file.length <= Sha256.BYTES) {
      return Optional.empty();
    }
    byte[] code = Arrays.copyOfRange(file, Sha256.BYTES, file.length);
    byte[] stored = Arrays.copyOf(file, Sha256.BYTES);
    return MessageDigest.isEqual(stored, Sha256.of(code)) ? Optional.of(code) : Optional.empty();
  }

  /** Stores {@code code} as the entry of {@code key}, replacing an existing one. */
  void write(String key, byte[] code) {
    Path place = path(key);
    try {
      Files.createDirectories(folder);
      Path fresh = Files.createTempFile(folder, "kernel", ".tmp");
      try {
        byte[] file = Arrays.copyOf(Sha256.of(code), Sha256.BYTES + code.length);
        System.arraycopy(code, 0, file, Sha256.BYTES, code.length);
        Files.write(fresh, file);
        Files.move(
            fresh, place, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      } finally {
        Files.deleteIfExists(fresh);
      }
    } catch (IOException e) {
      LOG.warn(
          "Cannot write compiled kernel {}: {}; the next process compiles it again",
          place,
          e.toString());
    }
  }

  private Path path(String key) {
    return folder.resolve(key + ".bin");
  }
}
