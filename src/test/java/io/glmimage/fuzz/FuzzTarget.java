package io.glmimage.fuzz;

import io.glmimage.error.GlmImageException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/**
 * The readers of untrusted bytes. Each gets any bytes and must return, or fail with an exception of
 * this program that has a message. Every other exception, a crash, a hang or an exhausted heap is a
 * finding.
 */
enum FuzzTarget {
  PNG(ImageInputs::decode, ImageInputs.seeds("png")),
  JPEG(ImageInputs::decode, ImageInputs.seeds("jpg")),
  WEBP(ImageInputs::decode, ImageInputs.seeds("webp")),
  TIFF(ImageInputs::decode, ImageInputs.seeds("tif")),
  GIF(ImageInputs::decode, ImageInputs.seeds("gif")),
  BMP(ImageInputs::decode, ImageInputs.seeds("bmp")),
  IMAGE_HEADER(ImageInputs::header, ImageInputs.seeds("png", "jpg", "webp", "tif", "gif", "bmp")),
  COLOUR_PROFILE(ImageInputs::profile, List.of()),
  JSON_LINES(ManifestInputs::jsonLines, List.of()),
  CSV(ManifestInputs::csv, List.of()),
  BATCH(ManifestInputs::batch, List.of()),
  DATA_URL(ManifestInputs::dataUrl, List.of()),
  GLYPH_TEXT(PromptInputs::glyphs, List.of()),
  PROMPT(PromptInputs::prompt, List.of()),
  CHAT_TEMPLATE(PromptInputs::template, List.of()),
  SAFETENSORS(CheckpointInputs::safetensors, List.of()),
  SAFETENSORS_INDEX(CheckpointInputs::index, List.of()),
  CONFIGURATION(CheckpointInputs::configuration, List.of()),
  TOKENIZER(CheckpointInputs::tokenizer, List.of());

  /** Reads an input. */
  @FunctionalInterface
  interface Reader {
    void read(byte[] input) throws IOException;
  }

  @SuppressWarnings("ImmutableEnumChecker") // Readers have no state.
  private final Reader reader;

  @SuppressWarnings("ImmutableEnumChecker") // An unmodifiable list.
  private final List<Path> seeds;

  FuzzTarget(Reader reader, List<Path> seeds) {
    this.reader = reader;
    this.seeds = seeds;
  }

  /** Folder of the target's corpus. */
  Path corpus() {
    return Path.of("src/test/resources/fuzz", label());
  }

  /** The inputs of the corpus and the seeds outside its folder. */
  List<byte[]> inputs() {
    try (Stream<Path> files = Files.list(corpus())) {
      List<byte[]> inputs = new ArrayList<>();
      for (Path file : Stream.concat(files.sorted(), seeds.stream()).toList()) {
        inputs.add(Files.readAllBytes(file));
      }
      return inputs;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The name that commands accept: {@code json-lines}. */
  String label() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /**
   * Reads an input.
   *
   * @throws AssertionError if an expected exception has no message
   * @throws RuntimeException any unexpected exception of the reader
   */
  void feed(byte[] input) {
    feed(reader, input);
  }

  static void feed(Reader reader, byte[] input) {
    try {
      reader.read(input);
    } catch (GlmImageException e) {
      String message = e.getMessage();
      if (message == null || message.isBlank()) {
        throw new AssertionError("An exception without a message", e);
      }
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}
