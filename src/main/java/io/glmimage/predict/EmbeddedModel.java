package io.glmimage.predict;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;

/**
 * The small model that the program carries in its resources. Weights are memory-mapped, so it is
 * unpacked to a folder first, whose name holds a digest of its content: several processes may do
 * that at once, and later ones find it ready.
 */
public final class EmbeddedModel {
  private static final String ROOT = "/models/glm-image-tiny/";

  /** What a checkpoint needs, relative to its root. */
  static final List<String> FILES =
      List.of(
          "model_index.json",
          "processor/chat_template.jinja",
          "processor/preprocessor_config.json",
          "processor/tokenizer.json",
          "processor/tokenizer_config.json",
          "scheduler/scheduler_config.json",
          "text_encoder/config.json",
          "text_encoder/model.safetensors",
          "tokenizer/added_tokens.json",
          "tokenizer/tokenizer_config.json",
          "transformer/config.json",
          "transformer/diffusion_pytorch_model.safetensors",
          "vae/config.json",
          "vae/diffusion_pytorch_model.safetensors",
          "vision_language_encoder/config.json",
          "vision_language_encoder/generation_config.json",
          "vision_language_encoder/model.safetensors");

  private EmbeddedModel() {}

  /**
   * The folder that holds the model, below {@code parent}; unpacks it where it is not there yet.
   *
   * @throws UncheckedIOException if it cannot be written
   */
  public static Path unpack(Path parent) {
    try {
      Path folder = parent.resolve("glm-image-tiny-" + digest());
      if (Files.isDirectory(folder)) {
        return folder;
      }
      Files.createDirectories(parent);
      Path partial = Files.createTempDirectory(parent, "glm-image-tiny-unpacking-");
      try {
        for (String name : FILES) {
          Path file = partial.resolve(name);
          Files.createDirectories(file.getParent());
          try (InputStream in = resource(name)) {
            Files.copy(in, file);
          }
        }
        publish(partial, folder);
      } finally {
        delete(partial);
      }
      return folder;
    } catch (IOException e) {
      throw new UncheckedIOException(
          "Cannot unpack the embedded model to " + parent + ": " + e.getMessage(), e);
    }
  }

  private static void publish(Path partial, Path folder) throws IOException {
    try {
      Files.move(partial, folder, StandardCopyOption.ATOMIC_MOVE);
    } catch (FileAlreadyExistsException
        | DirectoryNotEmptyException
        | AtomicMoveNotSupportedException e) {
      // Another process was faster: its copy has the same content.
      if (!Files.isDirectory(folder)) {
        throw e;
      }
    }
  }

  private static void delete(Path folder) throws IOException {
    if (Files.exists(folder)) {
      try (Stream<Path> files = Files.walk(folder)) {
        for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(file);
        }
      }
    }
  }

  private static String digest() throws IOException {
    try {
      MessageDigest sha = MessageDigest.getInstance("SHA-256");
      for (String name : FILES) {
        sha.update(name.getBytes(StandardCharsets.UTF_8));
        try (InputStream in = resource(name)) {
          sha.update(in.readAllBytes());
        }
      }
      return HexFormat.of().formatHex(sha.digest()).substring(0, 16);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("Cannot name the embedded model: " + e.getMessage(), e);
    }
  }

  private static InputStream resource(String name) throws IOException {
    InputStream in = EmbeddedModel.class.getResourceAsStream(ROOT + name);
    if (in == null) {
      throw new IOException("the program's jar lacks " + ROOT + name);
    }
    return in;
  }
}
