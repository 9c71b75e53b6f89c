package io.glmimage.manifest;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The {@code image_paths} column: one path or many, absolute or below the manifest's folder. */
public final class ImagePaths {
  private static final Pattern SCHEME = Pattern.compile("^([a-zA-Z][a-zA-Z0-9+.-]*):/.*");

  /** Fetching arbitrary web addresses from inside a cluster is not this job's business. */
  private static final Set<String> REFUSED = Set.of("http", "https", "ftp", "sftp");

  private ImagePaths() {}

  /** A column value as a list: null and blank give none, a text gives one. */
  static List<String> list(Object value) {
    if (value == null) {
      return List.of();
    }
    if (value instanceof String text) {
      return text.isBlank() ? List.of() : List.of(text);
    }
    List<String> paths = new ArrayList<>();
    for (Object item : (List<?>) value) {
      paths.add(item == null ? "" : item.toString());
    }
    return List.copyOf(paths);
  }

  /** Why this path cannot be read, or null. */
  static String problem(String path) {
    if (path.isBlank()) {
      return "image_paths holds an empty path";
    }
    Matcher scheme = SCHEME.matcher(path);
    if (scheme.matches() && REFUSED.contains(scheme.group(1).toLowerCase(Locale.ROOT))) {
      return "image_paths holds "
          + path
          + ", which is not on a Hadoop file system (copy it to s3a://, hdfs:// or a local folder)";
    }
    return null;
  }

  /**
   * The path itself if it has a scheme or is absolute, else the path below {@code folder}.
   *
   * @param folder the folder that holds the manifest
   */
  public static String resolve(String folder, String path) {
    if (DataUrl.is(path) || SCHEME.matcher(path).matches()) {
      return path;
    }
    if (path.startsWith("/")) {
      // On the manifest's file system, not on whatever the default one is.
      Matcher root = Pattern.compile("^([a-zA-Z][a-zA-Z0-9+.-]*:(?://[^/]*)?)/.*").matcher(folder);
      return root.matches() ? root.group(1) + path : path;
    }
    return folder.endsWith("/") ? folder + path : folder + "/" + path;
  }
}
