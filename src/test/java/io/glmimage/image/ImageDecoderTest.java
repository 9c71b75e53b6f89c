package io.glmimage.image;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.InflaterInputStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Compares with Pillow's pixels. make_fixtures.py, beside the fixtures, has written them. */
class ImageDecoderTest {
  private static final Path FOLDER = Path.of("src/test/resources/images");

  static List<String> fixtures() throws IOException {
    try (Stream<Path> files = Files.list(FOLDER)) {
      return files
          .map(f -> f.getFileName().toString())
          .filter(f -> f.endsWith(".rgb"))
          .map(f -> f.substring(0, f.length() - 4))
          .sorted()
          .toList();
    }
  }

  private static byte[] file(String name) throws IOException {
    return Files.readAllBytes(FOLDER.resolve(name));
  }

  private static RgbImage expected(String name) throws IOException {
    try (DataInputStream in =
        new DataInputStream(
            new InflaterInputStream(new ByteArrayInputStream(file(name + ".rgb"))))) {
      int height = in.readInt();
      int width = in.readInt();
      return new RgbImage(height, width, in.readAllBytes());
    }
  }

  @ParameterizedTest
  @MethodSource("fixtures")
  void decodesAsPillowDoes(String name) throws IOException {
    RgbImage expected = expected(name);
    RgbImage actual = ImageDecoder.decode(file(name), name);
    assertEquals(expected.height(), actual.height(), "height");
    assertEquals(expected.width(), actual.width(), "width");
    int largest = 0;
    int differ = 0;
    for (int i = 0; i < expected.pixels().length; i++) {
      int error = Math.abs((expected.pixels()[i] & 255) - (actual.pixels()[i] & 255));
      largest = Math.max(largest, error);
      differ += error == 0 ? 0 : 1;
    }
    System.out.printf(
        "decoder %-30s largest %d on %d of %d%n", name, largest, differ, expected.pixels().length);
    assertEquals(0, largest, largest + " levels on " + differ + " values");
  }
}
