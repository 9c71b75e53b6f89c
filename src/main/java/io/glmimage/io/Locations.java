package io.glmimage.io;

import io.glmimage.error.Redaction;
import java.io.IOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.InvalidPathException;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.LocalFileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.UnsupportedFileSystemException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Resolves the paths that users give to Hadoop paths and file systems. A path is literal: brackets,
 * braces, stars, question marks and backslashes have no special meaning. There are four rules:
 *
 * <ul>
 *   <li>{@code file://} starts a URI, in which percent escapes are decoded. In all other forms,
 *       {@code file:/} included, a percent sign is part of the name.
 *   <li>{@code s3://} means {@code s3a://}, unless another file system is configured for it.
 *   <li>A colon before the first slash ends a scheme.
 *   <li>Several slashes at the start are one, as in POSIX; to Hadoop they would begin a host.
 * </ul>
 */
final class Locations {
  private static final Logger LOG = LoggerFactory.getLogger(Locations.class);

  /**
   * On these file systems a file becomes visible when its stream is closed, and a rename would be a
   * copy. An unlisted object store still works, with renames.
   */
  private static final Set<String> OBJECT_STORES =
      Set.of("s3a", "s3", "s3n", "gs", "oss", "obs", "cos", "cosn", "tos", "swift");

  /** These file systems refuse names with colons, but only when a file is opened. */
  private static final Set<String> WITHOUT_COLONS =
      Set.of("hdfs", "viewfs", "webhdfs", "swebhdfs", "ofs", "o3fs");

  /** Hadoop reads these, but the job must not fetch web addresses from inside a cluster. */
  private static final Set<String> WEB = Set.of("http", "https", "ftp", "sftp");

  private static final Pattern FILE_URI = Pattern.compile("(?is)file://([^/]*)(/.*)");
  private static final Pattern COLON_BEFORE_SLASH = Pattern.compile("(?s)([^/:]*):(?!/).*");

  private static final Pattern LEADING_SLASHES = Pattern.compile("^//+");

  private static final AtomicBoolean S3_LOGGED = new AtomicBoolean();

  private final Configuration configuration;

  /** The settings of {@code s3a://}, once a file system of it was asked for. */
  private volatile Configuration s3Settings;

  Locations(Configuration configuration) {
    this.configuration = configuration;
  }

  /**
   * The Hadoop path for a URI or path.
   *
   * @throws LastingException if the path is invalid; the message gives the reason
   */
  Path path(String given) throws LastingException {
    if (Redaction.hasCredentials(given)) {
      throw invalid(
          Redaction.ofPatterns().apply(given),
          "a path has no credentials; set them in Spark's configuration",
          null);
    }
    if (given.isEmpty()) {
      throw new LastingException("Invalid path: it is empty");
    }
    Matcher uri = FILE_URI.matcher(given);
    if (uri.matches()) {
      if (!uri.group(1).isEmpty() && !uri.group(1).equalsIgnoreCase("localhost")) {
        throw invalid(given, "a file URI names no other host; write file:///" + uri.group(1), null);
      }
      return new Path("file", null, decoded(uri.group(2)));
    }
    Matcher colon = COLON_BEFORE_SLASH.matcher(given);
    if (colon.matches()) {
      throw invalid(
          given,
          "\"" + colon.group(1) + ":\" would be a scheme; write ./" + given + " for a file name",
          null);
    }
    try {
      return new Path(
          isUnclaimedS3(given)
              ? "s3a" + given.substring(2)
              : LEADING_SLASHES.matcher(given).replaceFirst("/"));
    } catch (IllegalArgumentException e) {
      throw invalid(given, e.getMessage(), e);
    }
  }

  /**
   * The file system that holds a path.
   *
   * @throws LastingException if the file system cannot have a file of this name, or for a web
   *     address, or if the class of the file system is not on the class path
   */
  FileSystem fileSystem(Path path) throws IOException {
    String scheme = scheme(path.toUri());
    if (WITHOUT_COLONS.contains(scheme) && path.toUri().getPath().contains(":")) {
      throw invalid(
          path.toString(), "names on " + scheme + ":// cannot have colons; rename the file", null);
    }
    if (WEB.contains(scheme)) {
      throw new LastingException(
          "Cannot open "
              + path
              + ": web addresses are not read; download the file to a folder or a bucket");
    }
    if (scheme.equals("file")) {
      // Refuses other names.
      localPath(path);
    }
    FileSystem fileSystem;
    try {
      fileSystem = path.getFileSystem(scheme.equals("s3a") ? s3Settings() : configuration);
    } catch (IllegalArgumentException e) {
      throw invalid(path.toString(), e.getMessage(), e);
    } catch (UnsupportedFileSystemException e) {
      throw new LastingException(
          "Cannot open the file system of "
              + path
              + ": none is known for "
              + scheme
              + "://; correct the path, or add the library of the file system to the class path"
              + " (spark.jars)",
          e);
    } catch (RuntimeException e) {
      if (e.getCause() instanceof ClassNotFoundException) {
        throw missing(path, e.getCause().getMessage(), e);
      }
      throw e;
    } catch (NoClassDefFoundError e) {
      throw missing(path, "class " + e.getMessage() + " not found", e);
    }
    // Without the layer that writes a hidden .crc file for each file.
    return fileSystem instanceof LocalFileSystem local ? local.getRawFileSystem() : fileSystem;
  }

  private Configuration s3Settings() {
    Configuration settings = s3Settings;
    if (settings == null) {
      settings = S3InputStreams.settings(configuration);
      s3Settings = settings;
    }
    return settings;
  }

  /** Hadoop would write another name, with question marks. */
  private static java.nio.file.Path localPath(Path path) throws LastingException {
    try {
      return java.nio.file.Path.of(path.toUri().getPath());
    } catch (InvalidPathException e) {
      throw invalid(
          path.toString(),
          "file names cannot have these characters in the locale of this process; set"
              + " LC_ALL=C.UTF-8 ("
              + e.getReason()
              + ")",
          e);
    }
  }

  /** The path with its scheme and authority. */
  Path qualified(String given) throws IOException {
    Path path = path(given);
    return fileSystem(path).makeQualified(path);
  }

  /**
   * As {@link #qualified}, without opening the file system.
   *
   * @throws LastingException if the path is invalid, or relative on a remote file system
   */
  String unopened(String given) throws IOException {
    Path path = path(given);
    if (path.toUri().getAuthority() != null && path.toUri().getPath().isEmpty()) {
      return path.toString(); // a bucket
    }
    if (path.isAbsolute()) {
      return path.makeQualified(FileSystem.getDefaultUri(configuration), path).toString();
    }
    if (!scheme(path.toUri()).equals("file")) {
      throw invalid(
          given, "expected a path with its scheme, or one that starts with a slash", null);
    }
    return new Path("file", null, localPath(path).toAbsolutePath().toString()).toString();
  }

  /** The same place as a path of this machine, or empty if another file system holds it. */
  Optional<java.nio.file.Path> local(String given) throws LastingException {
    Path path = path(given);
    return scheme(path.toUri()).equals("file")
        ? Optional.of(localPath(path).toAbsolutePath())
        : Optional.empty();
  }

  /** Whether files of this file system cannot be created exclusively, and need no rename. */
  static boolean isObjectStore(FileSystem fileSystem) {
    String scheme = fileSystem.getUri().getScheme();
    return scheme != null && OBJECT_STORES.contains(scheme.toLowerCase(Locale.ROOT));
  }

  private String scheme(URI uri) {
    URI base = uri.getScheme() == null ? FileSystem.getDefaultUri(configuration) : uri;
    return base.getScheme().toLowerCase(Locale.ROOT);
  }

  private boolean isUnclaimedS3(String given) {
    if (!given.regionMatches(true, 0, "s3://", 0, 5) || isKnown("s3") || !isKnown("s3a")) {
      return false;
    }
    if (S3_LOGGED.compareAndSet(false, true)) {
      LOG.info("Reading s3:// paths as s3a://, because no file system is configured for s3://");
    }
    return true;
  }

  private boolean isKnown(String scheme) {
    try {
      return FileSystem.getFileSystemClass(scheme, configuration) != null;
    } catch (IOException e) {
      // No such scheme.
      return false;
    } catch (RuntimeException e) {
      // The scheme is configured, but its class is missing: the user must learn that.
      return true;
    }
  }

  /**
   * Decodes percent escapes of UTF-8. A text with other escapes is not a URI and is kept as it is.
   */
  static String decoded(String path) {
    if (path.indexOf('%') < 0) {
      return path;
    }
    byte[] in = path.getBytes(StandardCharsets.UTF_8);
    ByteBuffer out = ByteBuffer.allocate(in.length);
    for (int i = 0; i < in.length; i++) {
      if (in[i] != '%') {
        out.put(in[i]);
        continue;
      }
      int high = i + 2 < in.length ? Character.digit(in[i + 1], 16) : -1;
      int low = i + 2 < in.length ? Character.digit(in[i + 2], 16) : -1;
      if (high < 0 || low < 0) {
        return path;
      }
      out.put((byte) (high << 4 | low));
      i += 2;
    }
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(out.flip()).toString();
    } catch (CharacterCodingException e) {
      return path;
    }
  }

  private static LastingException missing(Path path, String reason, Throwable cause) {
    return new LastingException(
        "Cannot open the file system of "
            + path
            + ": "
            + reason
            + "; add its library to the class path (spark.jars)",
        cause);
  }

  private static LastingException invalid(String path, String reason, Throwable cause) {
    return new LastingException("Invalid path: " + path + ", " + reason, cause);
  }
}
