package io.glmimage.output;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.UUID;

/**
 * A process of a host, so that a lock can tell later whether its owner is still there.
 *
 * <p>Dates take no part: {@link ProcessHandle.Info#startInstant} moves when the clock of the host
 * is set, and would make every process a different one.
 *
 * @param host this boot of the host and its process id namespace
 * @param pid the process id
 * @param start the clock ticks from the host's boot to the start of the process
 */
record HostProcess(String host, long pid, long start) {
  private static final Path PROC = Path.of("/proc");

  /** Field 22 of {@code stat}, counted from the first field after the process name. */
  private static final int START_FIELD = 22 - 3;

  private static final String THIS_HOST = thisHost();
  private static final HostProcess UNKNOWN = new HostProcess("", -1, -1);

  /** This process. */
  static HostProcess current() {
    long pid = ProcessHandle.current().pid();
    return new HostProcess(THIS_HOST, pid, startOf(pid));
  }

  /** The process that {@link #toString} wrote; one of an unknown host if the text is another. */
  static HostProcess parse(String text) {
    String[] parts = text.split(" ", -1);
    try {
      return parts.length == 3
          ? new HostProcess(parts[0], Long.parseLong(parts[1]), Long.parseLong(parts[2]))
          : UNKNOWN;
    } catch (NumberFormatException e) {
      return UNKNOWN;
    }
  }

  /** Whether the process runs on this host. */
  boolean isAlive() {
    return host.equals(THIS_HOST) && start >= 0 && startOf(pid) == start;
  }

  /** Whether the process was one of this host and has ended. */
  boolean isDead() {
    return host.equals(THIS_HOST) && start >= 0 && startOf(pid) != start;
  }

  @Override
  public String toString() {
    return host + " " + pid + " " + start;
  }

  /** The clock ticks from boot to the start of a process; -1 if there is none, or not on Linux. */
  private static long startOf(long pid) {
    try {
      return startOf(
          Files.readString(
              PROC.resolve(Long.toString(pid)).resolve("stat"), StandardCharsets.ISO_8859_1));
    } catch (IOException e) {
      return -1;
    }
  }

  /** As {@code /proc/PID/stat} has it. The name of a process may contain spaces and brackets. */
  static long startOf(String stat) {
    String[] fields = stat.substring(stat.lastIndexOf(')') + 1).strip().split(" ", -1);
    return fields.length > START_FIELD ? Long.parseLong(fields[START_FIELD]) : -1;
  }

  private static String thisHost() {
    try {
      return Files.readString(PROC.resolve("sys/kernel/random/boot_id")).strip()
          + "/"
          + Files.readSymbolicLink(PROC.resolve("self/ns/pid"));
    } catch (IOException e) {
      // Not Linux: hosts cannot be told apart, so no process is declared dead.
      return UUID.randomUUID().toString();
    }
  }
}
