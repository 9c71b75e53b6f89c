package io.glmimage.job;

import io.glmimage.error.UsageException;
import io.glmimage.image.RgbImage;
import io.glmimage.image.WebpEncoder;
import io.glmimage.natives.NativeLibraries;
import java.util.Map;

/**
 * Unpacks the native libraries into their cache folders, so that a container image has them already
 * when its first process starts. Needs no GPU.
 */
public final class UnpackNatives {
  private UnpackNatives() {}

  public static void main(String[] args) {
    try {
      LocalPlaces.checkLibraries();
      // The library of WebP images.
      WebpEncoder.webp(new RgbImage(1, 1, new byte[3]), 90, Map.of());
    } catch (UsageException e) {
      System.err.println(e.getMessage());
      System.exit(ExitCode.USAGE);
    }
    System.out.println("The native libraries are in " + NativeLibraries.cacheFolder());
  }
}
