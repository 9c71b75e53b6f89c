package io.glmimage.manifest;

import io.glmimage.error.Redaction;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Values of the column {@code image_paths}: paths and data URLs of source images. */
public final class ImagePaths {
  private static final Pattern SCHEME = Pattern.compile("(?s)^([a-zA-Z][a-zA-Z0-9+.-]*):/.*");

  private static final Pattern LEADING_SLASHES = Pattern.compile("^/+");

  /** The job must not fetch arbitrary web addresses from inside a cluster. */
  private static final Set<String> REFUSED = Set.of("http", "https", "ftp", "sftp");

  /** No file system accepts longer paths. */
  private static final int LONGEST_PATH = 4096;

  private ImagePaths() {}

  /** A value of the column as a list. Null and blank texts give an empty list. */
  static List<String> list(Object value) {
    if (value == null) {
      return List.of();
    }
    if (value instanceof String text) {
      return Texts.isBlank(text) ? List.of() : List.of(text);
    }
    List<String> paths = new ArrayList<>();
    for (Object item : (List<?>) value) {
      paths.add(item == null ? "" : item.toString());
    }
    return List.copyOf(paths);
  }

  /** Why this path cannot be read, or null if it may exist. */
  static String problem(String path) {
    if (Texts.isBlank(path)) {
      return "image_paths holds an empty path";
    }
    if (DataUrl.is(path)) {
      return null;
    }
    if (DataUrl.isBase64(path)) {
      return "image_paths holds base64, "
          + DataUrl.shown(path)
          + ", where a path is expected (write data:image/png;base64, before it)";
    }
    if (DataUrl.lacksScheme(path)) {
      return "image_paths holds "
          + DataUrl.shown(path)
          + ", a data URL without its scheme (write data: before it)";
    }
    if (path.length() > LONGEST_PATH) {
      return "image_paths holds a path of " + path.length() + " characters: " + DataUrl.shown(path);
    }
    if (path.indexOf('\0') >= 0) {
      return "image_paths holds a path with a NUL character";
    }
    if (Redaction.hasCredentials(path)) {
      return "image_paths holds a path with credentials, "
          + DataUrl.shown(Redaction.ofPatterns().apply(path))
          + " (set them in Spark's configuration instead)";
    }
    Matcher scheme = SCHEME.matcher(path);
    if (scheme.matches() && REFUSED.contains(scheme.group(1).toLowerCase(Locale.ROOT))) {
      return "image_paths holds "
          + DataUrl.shown(path)
          + ", which is not on a Hadoop file system (copy it to s3a://, hdfs:// or a local folder)";
    }
    return null;
  }

  /** Why this path cannot be resolved, or null if it can. */
  static String problem(String folder, String path) {
    boolean whole = DataUrl.is(path) || path.startsWith("/") || SCHEME.matcher(path).matches();
    return folder != null || whole
        ? null
        : "image_paths holds the relative path "
            + DataUrl.shown(path)
            + ", and a table has no folder (give --image-folder, or write whole paths)";
  }

  /**
   * Resolves a path. Data URLs and paths with a scheme stay as they are.
   *
   * @param folder base of relative paths; null if there is none, and all paths stay as they are
   */
  public static String resolve(String folder, String path) {
    if (folder == null || DataUrl.is(path) || SCHEME.matcher(path).matches()) {
      return path;
    }
    if (path.startsWith("/")) {
      // On the file system of the manifest, which need not be the default one.
      Matcher root =
          Pattern.compile("(?s)^([a-zA-Z][a-zA-Z0-9+.-]*:(?://[^/]*)?)/.*").matcher(folder);
      // Several slashes are one, as in POSIX; after a scheme they would begin the name of a host.
      String absolute = LEADING_SLASHES.matcher(path).replaceFirst("/");
      return root.matches() ? root.group(1) + absolute : absolute;
    }
    return folder.endsWith("/") ? folder + path : folder + "/" + path;
  }
}
