package io.glmimage.fuzz;

import io.glmimage.image.ImageDecoder;
import io.glmimage.image.ImageHeader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** Image files. */
final class ImageInputs {
  private static final Path FOLDER = Path.of("src/test/resources/images");

  /** Small, so that the memory of an input does not depend on the sides that it claims. */
  private static final long MAX_PIXELS = 1 << 20;

  private ImageInputs() {}

  static void decode(byte[] input) {
    ImageDecoder.decode(input, "fuzz", MAX_PIXELS);
  }

  static void header(byte[] input) {
    ImageHeader.size(input, "fuzz");
  }

  /** The images of the decoder's own tests. */
  static List<Path> seeds(String... extensions) {
    try (Stream<Path> files = Files.list(FOLDER)) {
      List<String> ends = Stream.of(extensions).map(e -> "." + e).toList();
      return files
          .filter(file -> ends.stream().anyMatch(file.getFileName().toString()::endsWith))
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
