package io.glmimage.golden;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * The folder of parity fixtures: {@code -Dgoldens.dir=...}, by default the copy in the test
 * resources.
 */
public final class Goldens {
  private Goldens() {}

  public static Path root() {
    return Path.of(System.getProperty("goldens.dir", "src/test/resources/goldens"))
        .toAbsolutePath();
  }

  /**
   * All cases whose file name starts with {@code prefix}, of all checkpoints and the common ones,
   * sorted by path.
   */
  public static List<GoldenCase> cases(String prefix) {
    Path cases = root().resolve("cases");
    try (Stream<Path> files = Files.walk(cases)) {
      List<GoldenCase> found =
          files
              .filter(
                  f ->
                      f.getFileName().toString().startsWith(prefix)
                          && f.toString().endsWith(".json"))
              .sorted()
              .map(f -> new GoldenCase(cases.relativize(f).toString().replace(".json", ""), f))
              .toList();
      if (found.isEmpty()) {
        throw new IllegalStateException("No case named " + prefix + "* below " + cases);
      }
      return found;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The decoded source images, {@code images/images_decoded}. */
  public static GoldenCase images() {
    return new GoldenCase("images_decoded", image("images_decoded.json"));
  }

  public static Path image(String name) {
    return root().resolve("images").resolve(name);
  }
}
