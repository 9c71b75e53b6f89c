package io.glmimage.natives;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import org.bytedeco.javacpp.Loader;

/** How JavaCPP's libraries are loaded here, whichever is the first. */
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

  /** Runs what unpacks and loads libraries, while no other process of this host does so. */
  public static void load(Runnable loading) {
    try (HostLock lock = HostLock.take(cacheFolder().resolve("loading.lock"))) {
      loading.run();
    }
  }

  /**
   * Where native libraries are unpacked on this host, for one user; also the place of what is
   * compiled from them.
   *
   * @throws UncheckedIOException if it cannot be made
   */
  public static Path cacheFolder() {
    try {
      return Loader.getCacheDir().toPath();
    } catch (IOException e) {
      throw new UncheckedIOException(
          "Cannot make the cache of native libraries: " + e.getMessage(), e);
    }
  }
}
