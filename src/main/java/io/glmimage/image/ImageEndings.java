package io.glmimage.image;

import java.util.Locale;
import java.util.Set;

/** The endings that image files have by convention. Files are read whatever their names are. */
public final class ImageEndings {
  /** In lower case, without the dot. */
  public static final Set<String> ALL =
      Set.of("png", "jpg", "jpeg", "jpe", "jfif", "webp", "bmp", "tif", "tiff", "gif");

  /** Endings of images that no decoder here reads. */
  private static final Set<String> UNREADABLE =
      Set.of("heic", "heif", "hif", "avif", "jxl", "jp2", "j2k");

  private ImageEndings() {}

  /** Whether a file is an image by its name. */
  public static boolean has(String name) {
    return ALL.contains(ending(name));
  }

  /** Whether a file is by its name an image that must be converted before it can be read. */
  public static boolean needsConversion(String name) {
    return UNREADABLE.contains(ending(name));
  }

  private static String ending(String name) {
    int dot = name.lastIndexOf('.');
    return dot < 0 ? "" : name.substring(dot + 1).toLowerCase(Locale.ROOT);
  }
}
