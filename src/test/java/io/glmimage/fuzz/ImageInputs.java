package io.glmimage.fuzz;

import io.glmimage.image.ColourRules;
import io.glmimage.image.ExifCopy;
import io.glmimage.image.ImageDecoder;
import io.glmimage.image.ImageHeader;
import io.glmimage.image.KeptMetadata;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/** Image files. */
final class ImageInputs {
  private static final List<Path> FOLDERS =
      List.of(Path.of("src/test/resources/images"), Path.of("src/test/resources/colours"));

  /** Small, so that the memory of an input does not depend on the sides that it claims. */
  private static final long MAX_PIXELS = 1 << 20;

  private static final ColourRules RULES = ColourRules.of("convert", "white");

  private ImageInputs() {}

  static void decode(byte[] input) {
    ExifCopy.of(input, KeptMetadata.EXIF_GPS);
    ImageDecoder.read(input, "fuzz", MAX_PIXELS, RULES);
  }

  static void header(byte[] input) {
    ImageHeader.read(input, "fuzz");
  }

  /** Decodes a JPEG file of the fitting colour space with this profile. */
  static void profile(byte[] input) {
    String space =
        new String(
            input,
            Math.min(16, input.length),
            Math.min(4, Math.max(0, input.length - 16)),
            StandardCharsets.ISO_8859_1);
    byte[] file =
        switch (space) {
          case "CMYK" -> Jpegs.CMYK;
          case "GRAY" -> Jpegs.GREY;
          default -> Jpegs.RGB;
        };
    int longest = 65_000;
    int parts = Math.min(255, Math.max(1, (input.length + longest - 1) / longest));
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.write(file, 0, 2);
    for (int i = 0; i < parts; i++) {
      byte[] part =
          Arrays.copyOfRange(input, i * longest, Math.min(input.length, (i + 1) * longest));
      int length = part.length + 16;
      out.writeBytes(new byte[] {(byte) 0xFF, (byte) 0xE2, (byte) (length >> 8), (byte) length});
      out.writeBytes("ICC_PROFILE\0".getBytes(StandardCharsets.ISO_8859_1));
      out.write(i + 1);
      out.write(parts);
      out.writeBytes(part);
    }
    out.write(file, 2, file.length - 2);
    byte[] whole = out.toByteArray();
    decode(whole);
    header(whole);
  }

  /** Small images without profiles. */
  private static final class Jpegs {
    static final byte[] RGB = jpeg("jpeg_exif2.jpg");
    static final byte[] GREY = jpeg("jpeg_grey.jpg");
    static final byte[] CMYK = jpeg("jpeg_cmyk.jpg");

    private static byte[] jpeg(String name) {
      try {
        return Files.readAllBytes(FOLDERS.get(0).resolve(name));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  /** The images of the decoder's own tests. */
  static List<Path> seeds(String... extensions) {
    List<String> ends = Stream.of(extensions).map(e -> "." + e).toList();
    List<Path> seeds = new ArrayList<>();
    for (Path folder : FOLDERS) {
      try (Stream<Path> files = Files.list(folder)) {
        files
            .filter(file -> ends.stream().anyMatch(file.getFileName().toString()::endsWith))
            .sorted()
            .forEach(seeds::add);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    return seeds;
  }
}
