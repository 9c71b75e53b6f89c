package io.glmimage.image;

import io.glmimage.natives.NativeLibraries;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.leptonica.global.leptonica;

/**
 * Loads Leptonica, which brings libwebp. The library comes with the JavaCPP presets, so its loader,
 * cache and platforms are those of libtorch.
 */
final class Leptonica {
  private static final Loading LOADING = load();

  /**
   * How loading went.
   *
   * @param problem null if the library is loaded
   */
  private record Loading(Throwable problem) {}

  private Leptonica() {}

  /**
   * Loads the library once.
   *
   * @param purpose completes "Cannot ...", such as {@code "read WebP images"}
   * @throws IllegalStateException if the library cannot be loaded
   */
  static void require(String purpose) {
    Throwable problem = LOADING.problem();
    if (problem != null) {
      throw new IllegalStateException(
          "Cannot " + purpose + ": the native library Leptonica cannot be loaded (" + problem + ")",
          problem);
    }
  }

  private static Loading load() {
    try {
      NativeLibraries.load(() -> Loader.load(leptonica.class));
    } catch (LinkageError | RuntimeException e) {
      return new Loading(e);
    }
    // Leptonica would print each failure to the standard error stream. Callers report failures.
    leptonica.setMsgSeverity(leptonica.L_SEVERITY_NONE);
    return new Loading(null);
  }
}
