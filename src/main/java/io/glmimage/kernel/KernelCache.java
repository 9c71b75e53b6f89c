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
 * Compiled kernels on disk, one file per key. An entry is written beside its place and moved there
 * in one step, and carries its own digest, so that several processes can share a folder and a torn
 * or damaged file counts as missing. A folder that cannot be used costs time, never the run.
 */
final class KernelCache {
  private static final Logger LOG = LoggerFactory.getLogger(KernelCache.class);

  private final Path folder;

  KernelCache(Path folder) {
    this.folder = folder;
  }

  /** The key of everything that decides the compiled code: a hexadecimal SHA-256. */
  static String key(String... parts) {
    MessageDigest digest = Sha256.start();
    for (String part : parts) {
      byte[] bytes = part.getBytes(StandardCharsets.UTF_8);
      // The length keeps ("ab", "c") and ("a", "bc") apart.
      digest.update((bytes.length + ":").getBytes(StandardCharsets.UTF_8));
      digest.update(bytes);
    }
    return Sha256.hex(digest);
  }

  /** The entry under {@code key}; nothing when it is missing or damaged. */
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

  /** Keeps {@code code} under {@code key}, in place of what is there. */
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
          "Cannot keep compiled kernel {}: {}; the next start compiles it again",
          place,
          e.toString());
    }
  }

  private Path path(String key) {
    return folder.resolve(key + ".bin");
  }
}
