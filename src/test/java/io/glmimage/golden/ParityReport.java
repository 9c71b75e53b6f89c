package io.glmimage.golden;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Prints the largest error of every comparison and appends it to {@code target/parity.tsv}. */
final class ParityReport {
  private static final Path FILE = Path.of("target", "parity.tsv");

  private ParityReport() {}

  static void add(String caseName, String what, String largest, String limit) {
    add(caseName, what, "largest error", largest, limit);
  }

  /**
   * As {@link #add(String, String, String, String)}, for another measure than the largest error.
   */
  static synchronized void add(
      String caseName, String what, String measure, String largest, String limit) {
    System.out.printf(
        "parity  %-34s %-44s %s %-14s limit %s%n", caseName, what, measure, largest, limit);
    try {
      Files.createDirectories(FILE.getParent());
      Files.write(
          FILE,
          (caseName + "\t" + what + "\t" + largest + "\t" + limit + "\n")
              .getBytes(StandardCharsets.UTF_8),
          StandardOpenOption.CREATE,
          StandardOpenOption.APPEND);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
