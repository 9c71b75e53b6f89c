package io.glmimage.image;

import java.util.Locale;
import java.util.Set;

/** The endings that image files have by convention. Files are read whatever their names are. */
public final class ImageEndings {
  /** In lower case, without the dot. */
  public static final Set<String> ALL =
      Set.of("png", "jpg", "jpeg", "jpe", "jfif", "webp", "bmp", "tif", "tiff", "gif");

  private ImageEndings() {}

  /** Whether a file is an image by its name. */
  public static boolean has(String name) {
    int dot = name.lastIndexOf('.');
    return dot >= 0 && ALL.contains(name.substring(dot + 1).toLowerCase(Locale.ROOT));
  }
}
