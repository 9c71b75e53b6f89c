package io.glmimage.natives;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import org.bytedeco.javacpp.Loader;

/** Loads the native libraries of JavaCPP, one process of a host at a time. */
public final class NativeLibraries {
  static {
    // JavaCPP reads these when its first class is loaded. It counts memory-mapped weights as
    // "physical memory in use" and would refuse to allocate.
    if (System.getProperty("org.bytedeco.javacpp.maxPhysicalBytes") == null) {
      System.setProperty("org.bytedeco.javacpp.maxPhysicalBytes", "0");
    }
    if (System.getProperty("org.bytedeco.javacpp.maxBytes") == null) {
      System.setProperty("org.bytedeco.javacpp.maxBytes", "0");
    }
  }

  private NativeLibraries() {}

  /** Runs {@code loading}, which unpacks and loads libraries, under the lock of this host. */
  public static void load(Runnable loading) {
    try (HostLock lock = HostLock.take(cacheFolder().resolve("loading.lock"))) {
      loading.run();
    }
  }

  /**
   * The folder of this host and user where native libraries are unpacked. Compiled kernels are kept
   * below it.
   *
   * @throws UncheckedIOException if it cannot be created
   */
  public static Path cacheFolder() {
    try {
      return Loader.getCacheDir().toPath();
    } catch (IOException e) {
      throw new UncheckedIOException(
          "Cannot create the cache of native libraries: " + e.getMessage(), e);
    }
  }
}
