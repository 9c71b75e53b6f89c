package io.glmimage.spark;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** Processes of one host that wait for each other, such as the executors of a test. */
public final class Meeting {
  private Meeting() {}

  /**
   * Waits until this process and others have called this method.
   *
   * @param folder where each process leaves a file; another one for each meeting
   * @param processes the number of processes, with this one
   */
  public static void attend(Path folder, int processes) throws IOException {
    Files.createDirectories(folder);
    Files.writeString(folder.resolve("" + ProcessHandle.current().pid()), "");
    Until.holds(
        processes + " processes meet in " + folder,
        () -> {
          try (Stream<Path> arrived = Files.list(folder)) {
            return arrived.count() >= processes;
          }
        });
  }
}
