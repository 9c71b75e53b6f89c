package io.glmimage.io;

import java.util.Locale;
import java.util.Map;

/** The media types of all files that the job writes. */
public final class MediaTypes {
  private static final Map<String, String> BY_EXTENSION =
      Map.of(
          "png", "image/png",
          "jpg", "image/jpeg",
          "webp", "image/webp",
          "html", "text/html",
          "json", "application/json",
          "jsonl", "application/jsonl",
          "tar", "application/x-tar",
          "parquet", "application/vnd.apache.parquet");

  private MediaTypes() {}

  /** The media type for a file name or path, or null for an unknown extension. */
  public static String ofFile(String path) {
    String name = path.substring(path.lastIndexOf('/') + 1);
    int dot = name.lastIndexOf('.');
    return dot < 0 ? null : BY_EXTENSION.get(name.substring(dot + 1).toLowerCase(Locale.ROOT));
  }
}
