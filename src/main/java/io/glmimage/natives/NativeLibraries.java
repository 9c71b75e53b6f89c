package io.glmimage.natives;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Optional;
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

  private static final String OPTION = "-Dorg.bytedeco.javacpp.cachedir=DIR";

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
          "Cannot create a folder for native libraries in the home folder or the temporary folder;"
              + " name one with "
              + OPTION,
          e);
    }
  }

  /**
   * Why the cache folder cannot hold native libraries, as the last clause of a message; empty if it
   * is not the reason.
   *
   * @param problem what the loader says
   */
  public static Optional<String> folderProblem(String problem) {
    return CacheFolders.problem(cacheFolder(), problem, OPTION);
  }
}
