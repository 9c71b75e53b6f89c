package io.glmimage.job;

import com.sun.security.auth.module.UnixSystem;
import io.glmimage.error.DeviceException;
import io.glmimage.error.UsageException;
import io.glmimage.io.HadoopUser;
import io.glmimage.io.LocalFolders;
import io.glmimage.model.processor.PromptTokenizer;
import io.glmimage.tensor.Libtorch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/** What a process needs on its own machine: a temporary folder, and a user that Hadoop can name. */
final class LocalPlaces {
  /** Spark needs a little space even for an empty session. */
  private static final int PROBE_BYTES = 1 << 20;

  /** Java's text for a name or folder that the system does not know. */
  private static final String UNKNOWN = "?";

  private LocalPlaces() {}

  /**
   * A temporary folder with some free space, deleted when the JVM ends.
   *
   * @throws UsageException if there is none
   */
  static Path scratch() {
    checkSparkFolders();
    String place = System.getProperty("java.io.tmpdir");
    try {
      Path folder = LocalFolders.temporary("glm-image-spark");
      Path probe = folder.resolve("probe");
      Files.write(probe, new byte[PROBE_BYTES]);
      Files.delete(probe);
      return folder;
    } catch (IOException | IllegalArgumentException e) {
      throw new UsageException(
          "Cannot use the temporary folder "
              + place
              + ": "
              + reason(e)
              + "; make space or name another folder, with GLM_IMAGE_JAVA_OPTS="
              + "-Djava.io.tmpdir=DIR for the launcher",
          e);
    }
  }

  /** Spark would end the process without a reason. */
  private static void checkSparkFolders() {
    String variable = System.getenv("SPARK_LOCAL_DIRS");
    String folders = variable == null ? System.getProperty("spark.local.dir") : variable;
    if (folders == null) {
      return;
    }
    for (String folder : folders.split(",", -1)) {
      Path path = Path.of(folder.strip());
      try {
        Files.createDirectories(path);
      } catch (IOException e) {
        continue;
      }
      if (Files.isWritable(path)) {
        return;
      }
    }
    throw new UsageException(
        "Cannot use the temporary folder "
            + folders
            + ": no folder can be written; correct "
            + (variable == null ? "spark.local.dir" : "SPARK_LOCAL_DIRS"));
  }

  /**
   * Loads the native libraries of the model, which tells whether they can be unpacked here.
   *
   * @throws UsageException if they cannot be loaded
   */
  static void checkLibraries() {
    try {
      Libtorch.load();
      PromptTokenizer.loadLibrary();
    } catch (DeviceException e) {
      throw new UsageException(e.getMessage(), e);
    }
  }

  /**
   * Gives Hadoop and native libraries a user and a home folder if the system knows none for the
   * user of this process. Java's value is a question mark then, which would become a folder's name.
   */
  static void nameTheUser() {
    if (UNKNOWN.equals(System.getProperty("user.home"))) {
      String home = System.getenv("HOME");
      boolean usable = home != null && !home.isEmpty() && Files.isWritable(Path.of(home));
      System.setProperty("user.home", usable ? home : System.getProperty("java.io.tmpdir"));
    }
    if (UNKNOWN.equals(System.getProperty("user.name"))) {
      System.setProperty("user.name", userId());
    }
    HadoopUser.nameUnlessKnown(LocalPlaces::userId);
  }

  private static String userId() {
    try {
      return Long.toString(new UnixSystem().getUid());
    } catch (LinkageError e) {
      // Not Unix.
      return "unknown";
    }
  }

  /**
   * The umask of this process in octal digits, or empty where the file system has no permissions.
   *
   * @param folder an existing folder
   */
  static Optional<String> umask(Path folder) {
    Path probe = folder.resolve("umask");
    try {
      Files.createDirectory(probe);
      Set<PosixFilePermission> granted = Files.getPosixFilePermissions(probe);
      Files.delete(probe);
      int mask = 0;
      // From OWNER_READ to OTHERS_EXECUTE, as in the octal number.
      for (PosixFilePermission permission : PosixFilePermission.values()) {
        mask = mask << 1 | (granted.contains(permission) ? 0 : 1);
      }
      return Optional.of(String.format(Locale.ROOT, "%03o", mask));
    } catch (UnsupportedOperationException e) {
      return Optional.empty();
    } catch (IOException e) {
      // A umask such as 777 leaves a folder that its owner cannot use.
      throw new UsageException(
          "Cannot use the temporary folder " + folder + ": " + reason(e) + "; check the umask", e);
    }
  }

  private static String reason(Exception e) {
    if (e instanceof java.nio.file.FileSystemException file) {
      return file.getReason() == null
          ? (e instanceof java.nio.file.AccessDeniedException ? "permission denied" : e.toString())
          : file.getReason();
    }
    return String.valueOf(e.getMessage());
  }
}
