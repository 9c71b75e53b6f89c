package io.glmimage.pipeline;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;

/** A copy of the embedded checkpoint whose files can be changed. Unchanged files are hard links. */
final class CheckpointCopy {
  static final Path TINY = Path.of("src/main/resources/models/glm-image-tiny");
  static final List<String> FOLDERS =
      List.of(
          "processor",
          "scheduler",
          "text_encoder",
          "tokenizer",
          "transformer",
          "vae",
          "vision_language_encoder");

  private static final ObjectMapper JSON = new ObjectMapper();

  final Path root;

  /** One tensor of a safetensors file. */
  record Stored(String dtype, long[] shape, byte[] data) {
    static Stored of(String dtype, int elementBytes, long... shape) {
      long count = Arrays.stream(shape).reduce(1, (a, b) -> a * b);
      return new Stored(dtype, shape, new byte[Math.toIntExact(count * elementBytes)]);
    }

    /** The same values in another dtype; this one's must be BF16. */
    Stored to(String other) {
      ByteBuffer in = ByteBuffer.wrap(data).order(ByteOrder.LITTLE_ENDIAN);
      int count = data.length / 2;
      int bytes = other.equals("F64") ? 8 : other.equals("F32") ? 4 : 2;
      ByteBuffer out = ByteBuffer.allocate(count * bytes).order(ByteOrder.LITTLE_ENDIAN);
      for (int i = 0; i < count; i++) {
        float value = Float.intBitsToFloat(in.getShort() << 16);
        switch (other) {
          case "F64" -> out.putDouble(value);
          case "F32" -> out.putFloat(value);
          case "F16" -> out.putShort(half(value));
          default -> throw new IllegalArgumentException(other);
        }
      }
      return new Stored(other, shape, out.array());
    }

    /** Exact for bfloat16 values from 2^-14 to 65504; smaller ones lose bits. */
    private static short half(float value) {
      int sign = value < 0 ? 0x8000 : 0;
      float size = Math.abs(value);
      if (size < 0x1p-14f) {
        return (short) (sign | Math.round(size * 0x1p24f));
      }
      int bits = Float.floatToRawIntBits(size);
      return (short) (sign | ((bits >>> 23) - 112) << 10 | (bits >>> 13 & 0x3FF));
    }
  }

  private CheckpointCopy(Path root) {
    this.root = root;
  }

  /**
   * @param base a whole copy on the same file system as {@code root}
   */
  static CheckpointCopy link(Path base, Path root) throws IOException {
    for (String folder : FOLDERS) {
      Files.createDirectories(root.resolve(folder));
      try (var files = Files.list(base.resolve(folder))) {
        for (Path file : files.toList()) {
          Files.createLink(root.resolve(folder).resolve(file.getFileName()), file);
        }
      }
    }
    Files.createLink(root.resolve("model_index.json"), base.resolve("model_index.json"));
    return new CheckpointCopy(root);
  }

  /** A folder that is only read. */
  static CheckpointCopy at(Path root) {
    return new CheckpointCopy(root);
  }

  /** An empty folder. */
  static CheckpointCopy empty(Path root) throws IOException {
    return new CheckpointCopy(Files.createDirectories(root));
  }

  static void base(Path root) throws IOException {
    for (String folder : FOLDERS) {
      PublishedFolder.copy(TINY.resolve(folder), root.resolve(folder));
    }
    Files.copy(TINY.resolve("model_index.json"), root.resolve("model_index.json"));
  }

  void write(String file, byte[] bytes) {
    try {
      Path path = root.resolve(file);
      // The file of the base must stay as it is.
      Files.deleteIfExists(path);
      Files.createDirectories(path.getParent());
      Files.write(path, bytes);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  void write(String file, String text) {
    write(file, text.getBytes(StandardCharsets.UTF_8));
  }

  /** Replaces a file by a link. */
  void link(String file, Path target) {
    try {
      Files.deleteIfExists(root.resolve(file));
      Files.createSymbolicLink(root.resolve(file), target);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  String text(String file) {
    try {
      return Files.readString(root.resolve(file));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  void delete(String... files) {
    for (String file : files) {
      try {
        Files.delete(root.resolve(file));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  void move(String from, String to) {
    try {
      Files.move(root.resolve(from), root.resolve(to));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Changes a configuration file. */
  void json(String file, Consumer<ObjectNode> change) {
    try {
      ObjectNode node = (ObjectNode) JSON.readTree(root.resolve(file).toFile());
      change.accept(node);
      write(file, JSON.writeValueAsBytes(node));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Changes an object inside a configuration file. */
  void json(String file, String key, Consumer<ObjectNode> change) {
    json(file, whole -> change.accept((ObjectNode) whole.path(key)));
  }

  Map<String, Stored> tensors(String file) {
    try {
      ByteBuffer bytes =
          ByteBuffer.wrap(Files.readAllBytes(root.resolve(file))).order(ByteOrder.LITTLE_ENDIAN);
      byte[] header = new byte[Math.toIntExact(bytes.getLong())];
      bytes.get(header);
      int start = bytes.position();
      Map<String, Stored> tensors = new LinkedHashMap<>();
      for (Map.Entry<String, JsonNode> tensor : JSON.readTree(header).properties()) {
        if (!tensor.getKey().equals("__metadata__")) {
          JsonNode offsets = tensor.getValue().path("data_offsets");
          byte[] data = new byte[offsets.path(1).asInt() - offsets.path(0).asInt()];
          bytes.get(start + offsets.path(0).asInt(), data);
          tensors.put(
              tensor.getKey(),
              new Stored(
                  tensor.getValue().path("dtype").asText(),
                  JSON.convertValue(tensor.getValue().path("shape"), long[].class),
                  data));
        }
      }
      return tensors;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Writes a safetensors file. */
  void tensors(String file, Map<String, Stored> tensors, boolean metadata) {
    ObjectNode header = JSON.createObjectNode();
    if (metadata) {
      header.putObject("__metadata__").put("format", "pt");
    }
    int end = 0;
    for (Map.Entry<String, Stored> tensor : tensors.entrySet()) {
      ObjectNode entry = header.putObject(tensor.getKey()).put("dtype", tensor.getValue().dtype());
      ArrayNode shape = entry.putArray("shape");
      Arrays.stream(tensor.getValue().shape()).forEach(shape::add);
      int bytes = tensor.getValue().data().length;
      entry.putArray("data_offsets").add(end).add(end + bytes);
      end += bytes;
    }
    byte[] json = header.toString().getBytes(StandardCharsets.UTF_8);
    ByteBuffer out = ByteBuffer.allocate(8 + json.length + end).order(ByteOrder.LITTLE_ENDIAN);
    out.putLong(json.length).put(json);
    tensors.values().forEach(tensor -> out.put(tensor.data()));
    write(file, out.array());
  }

  /** Changes a safetensors file. */
  void change(String file, Consumer<Map<String, Stored>> change) {
    Map<String, Stored> tensors = tensors(file);
    change.accept(tensors);
    tensors(file, tensors, true);
  }

  void change(String file, String tensor, UnaryOperator<Stored> change) {
    change(file, tensors -> tensors.computeIfPresent(tensor, (name, old) -> change.apply(old)));
  }

  /**
   * Replaces {@code folder/stem.safetensors} with two shards and an index.
   *
   * @param variant such as {@code ".bf16"}, or empty
   */
  void shard(String folder, String stem, String variant, boolean metadata) {
    Map<String, Stored> all = tensors(folder + "/" + stem + ".safetensors");
    delete(folder + "/" + stem + ".safetensors");
    ObjectNode index = JSON.createObjectNode();
    ObjectNode map = index.putObject("weight_map");
    for (int shard = 0; shard < 2; shard++) {
      Map<String, Stored> part = new LinkedHashMap<>();
      String name = stem + variant + "-0000" + (shard + 1) + "-of-00002.safetensors";
      int number = 0;
      for (Map.Entry<String, Stored> tensor : all.entrySet()) {
        if (number++ % 2 == shard) {
          part.put(tensor.getKey(), tensor.getValue());
          map.put(tensor.getKey(), name);
        }
      }
      tensors(folder + "/" + name, part, metadata);
    }
    write(folder + "/" + stem + ".safetensors.index" + variant + ".json", index.toString());
  }
}
