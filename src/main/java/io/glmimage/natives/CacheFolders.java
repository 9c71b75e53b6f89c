package io.glmimage.natives;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Explains why a folder cannot hold native libraries. */
public final class CacheFolders {
  private static final Path MOUNTS = Path.of("/proc/self/mounts");

  /** Words of operating systems and loaders for failures of the folder, not of the library. */
  private static final Pattern WORDS =
      Pattern.compile(
          "failed to map segment from shared object|No space left on device|Disk quota exceeded"
              + "|Read-only file system|Permission denied|Operation not permitted");

  private CacheFolders() {}

  /**
   * The explanation, as the last clause of a message; empty if the folder is not the reason.
   *
   * @param folder where the libraries are unpacked
   * @param problem what the loader says
   * @param option what names another folder, such as {@code "-Dx=DIR"}
   */
  public static Optional<String> problem(Path folder, String problem, String option) {
    Matcher words = WORDS.matcher(problem);
    boolean named = words.find();
    boolean noexec = isNoexec(folder);
    if (!named && !noexec) {
      return Optional.empty();
    }
    return Optional.of(
        "the folder "
            + folder
            + " cannot hold native libraries ("
            + (noexec ? "it is mounted noexec" : words.group())
            + "); name another folder with "
            + option);
  }

  /** Whether programs and libraries cannot be run from a folder. False where nothing says so. */
  static boolean isNoexec(Path folder) {
    try {
      return isNoexec(folder.toRealPath(), Files.readAllLines(MOUNTS));
    } catch (IOException | IllegalArgumentException e) {
      // Not Linux, or no such folder.
      return false;
    }
  }

  /**
   * @param mounts lines of {@code /proc/self/mounts}: device, mount point, type, options
   */
  static boolean isNoexec(Path folder, List<String> mounts) {
    Path longest = null;
    boolean noexec = false;
    for (String line : mounts) {
      List<String> fields = List.of(line.split(" ", -1));
      if (fields.size() < 4) {
        continue;
      }
      Path point = Path.of(fields.get(1).replace("\\040", " "));
      // Of several mounts on one point the last one counts.
      if (folder.startsWith(point)
          && (longest == null || point.getNameCount() >= longest.getNameCount())) {
        longest = point;
        noexec = List.of(fields.get(3).split(",", -1)).contains("noexec");
      }
    }
    return noexec;
  }
}
