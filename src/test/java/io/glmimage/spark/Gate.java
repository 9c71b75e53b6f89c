package io.glmimage.spark;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Gates at which other processes of this host wait until a test opens them. A file for each process
 * that has come to a gate, and a file for each open gate, in one folder.
 */
public final class Gate {
  private static final String OPEN = ".open";

  /** A visitor waits for several events, each of which tests await with a deadline of its own. */
  private static final Duration DEADLINE = Duration.ofMinutes(9);

  private Gate() {}

  /** Waits in front of a gate until it is open. */
  public static void pass(Path folder, String gate) throws IOException {
    Files.createDirectories(folder);
    Files.writeString(folder.resolve(gate + "." + ProcessHandle.current().pid()), "");
    Path open = folder.resolve(gate + OPEN);
    Until.holds("the gate " + gate + " is open", DEADLINE, () -> Files.exists(open));
  }

  public static void open(Path folder, String gate) throws IOException {
    Files.createDirectories(folder);
    Files.writeString(folder.resolve(gate + OPEN), "");
  }

  /** The process that has come to a gate; empty if none has. */
  public static Optional<ProcessHandle> visitor(Path folder, String gate) throws IOException {
    if (Files.notExists(folder)) {
      return Optional.empty();
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> name.matches(gate + "\\.\\d+"))
          .findFirst()
          .flatMap(name -> ProcessHandle.of(Long.parseLong(name.substring(gate.length() + 1))));
    }
  }
}
