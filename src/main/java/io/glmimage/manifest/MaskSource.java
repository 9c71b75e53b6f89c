package io.glmimage.manifest;

/**
 * Where a mask is, and which of its pixels are edited. As a text, the path with {@value #INVERTED}
 * before it if transparent pixels are edited.
 *
 * @param path a path or a data URL
 * @param transparent whether transparent pixels are edited, as in OpenAI's API; otherwise white or
 *     opaque ones
 */
public record MaskSource(String path, boolean transparent) {
  static final String INVERTED = "transparent:";

  /** Reads the text form; null for null. */
  public static MaskSource of(String text) {
    if (text == null) {
      return null;
    }
    return text.startsWith(INVERTED)
        ? new MaskSource(text.substring(INVERTED.length()), true)
        : new MaskSource(text, false);
  }

  /** The mask with its path resolved; see {@link ImagePaths#resolve}. */
  public MaskSource resolved(String folder) {
    return new MaskSource(ImagePaths.resolve(folder, path), transparent);
  }

  /** The text form. */
  public String text() {
    return (transparent ? INVERTED : "") + path;
  }

  /** The text form with a data URL shortened. */
  public String shown() {
    return (transparent ? INVERTED : "") + DataUrl.shown(path);
  }
}
