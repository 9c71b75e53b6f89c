package io.glmimage.tensor;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;

/**
 * The memory that this process can still get from a Linux host. It is what the kernel calls
 * available, within the limits of the process's control groups (containers), plus free swap.
 */
public final class HostMemory {
  /** Larger limits mean that there is none. */
  private static final long UNLIMITED = 1L << 60;

  private final Path root;

  private HostMemory(Path root) {
    this.root = root;
  }

  /** Free memory in bytes; empty if the system does not report it. */
  public static OptionalLong free() {
    return free(Path.of("/"));
  }

  /**
   * As {@link #free()}.
   *
   * @param root holds {@code proc} and {@code sys}
   */
  static OptionalLong free(Path root) {
    return new HostMemory(root).read();
  }

  private OptionalLong read() {
    OptionalLong available = value("proc/meminfo", "MemAvailable:");
    if (available.isEmpty()) {
      return OptionalLong.empty();
    }
    long free = available.getAsLong() << 10;
    for (String line : text("proc/self/cgroup").split("\n", -1)) {
      String[] parts = line.split(":", 3);
      if (parts.length == 3 && parts[1].isEmpty()) {
        free = Math.min(free, inGroups("sys/fs/cgroup", parts[2], true));
      } else if (parts.length == 3 && ("," + parts[1] + ",").contains(",memory,")) {
        free = Math.min(free, inGroups("sys/fs/cgroup/memory", parts[2], false));
      }
    }
    long swap = value("proc/meminfo", "SwapFree:").orElse(0) << 10;
    return OptionalLong.of(free + swap);
  }

  /**
   * The least that a control group and its parents leave. In a container the path may be the
   * host's, which does not exist here; then the container's own group is the root.
   */
  private long inGroups(String mount, String path, boolean unified) {
    long free = Long.MAX_VALUE;
    String group = path;
    while (true) {
      free = Math.min(free, inGroup(mount + group + "/", unified));
      int slash = group.lastIndexOf('/');
      if (slash < 0) {
        return free;
      }
      group = group.substring(0, slash);
    }
  }

  private long inGroup(String folder, boolean unified) {
    OptionalLong limit = number(folder + (unified ? "memory.max" : "memory.limit_in_bytes"));
    OptionalLong used = number(folder + (unified ? "memory.current" : "memory.usage_in_bytes"));
    if (limit.isEmpty() || used.isEmpty() || limit.getAsLong() > UNLIMITED) {
      return Long.MAX_VALUE;
    }
    // Cached files and kernel caches count as used, but give way.
    String prefix = unified ? "" : "total_";
    long caches =
        value(folder + "memory.stat", prefix + "active_file").orElse(0)
            + value(folder + "memory.stat", prefix + "inactive_file").orElse(0)
            + value(folder + "memory.stat", "slab_reclaimable").orElse(0);
    return Math.max(0, limit.getAsLong() - Math.max(0, used.getAsLong() - caches));
  }

  private OptionalLong number(String file) {
    return number(text(file).strip(), 0);
  }

  /** The number behind a name at the beginning of a line. */
  private OptionalLong value(String file, String name) {
    return text(file)
        .lines()
        .filter(line -> line.startsWith(name) && line.substring(name.length()).startsWith(" "))
        .findFirst()
        .map(line -> number(line.substring(name.length()).strip(), ' '))
        .orElse(OptionalLong.empty());
  }

  /** The number before a separator; empty for another text, such as {@code max}. */
  private static OptionalLong number(String text, int separator) {
    int end = text.indexOf(separator);
    String digits = end < 0 ? text : text.substring(0, end);
    return digits.matches("\\d{1,18}")
        ? OptionalLong.of(Long.parseLong(digits))
        : OptionalLong.empty();
  }

  /** Empty if the file is missing or cannot be read: the figure is then unknown. */
  private String text(String file) {
    try {
      return Files.readString(root.resolve(file), StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      return "";
    }
  }
}
