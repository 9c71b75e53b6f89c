package io.glmimage.weights;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;

/**
 * A complete checkpoint folder in the cache. The cache does not evict the folder until {@link
 * #close} or the end of the process.
 */
public final class CachedWeights implements AutoCloseable {
  private final Path folder;
  private final String digest;
  private final boolean reused;
  private final FileLocks.Held lock;

  CachedWeights(Path folder, String digest, boolean reused, FileLocks.Held lock) {
    this.folder = folder;
    this.digest = digest;
    this.reused = reused;
    this.lock = lock;
  }

  public Path folder() {
    return folder;
  }

  /** The name of the content: SHA-256 over paths, sizes and block checksums. */
  public String digest() {
    return digest;
  }

  /** Whether the checkpoint was found in the cache and not received. */
  public boolean reused() {
    return reused;
  }

  @Override
  public void close() {
    try {
      lock.close();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot release the lock of " + folder, e);
    }
  }
}
