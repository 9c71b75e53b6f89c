package io.glmimage.weights;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.glmimage.kernel.KernelMode;
import io.glmimage.kernel.KernelProvider;
import io.glmimage.kernel.Kernels;
import io.glmimage.model.dit.GlmImageTransformer;
import io.glmimage.model.glyph.GlyphEncoder;
import io.glmimage.model.prior.PriorModel;
import io.glmimage.model.prior.PriorOptions;
import io.glmimage.model.vae.Vae;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Libtorch;
import io.glmimage.tensor.TensorScope;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Writes a whole checkpoint with random bfloat16 weights for a folder of configuration files, so
 * that loading can be measured. The list of tensors comes from building the networks on libtorch's
 * "meta" device, where tensors have shapes but no memory. Values are one random block, repeated.
 * The processor is the tiny model's, with the ids of the configuration.
 *
 * <p>Arguments: the folders of the configuration, of the tiny model and of the new checkpoint.
 */
public final class CheckpointWriter {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final long SHARD_BYTES = 5_000_000_000L;

  /** Prime, so that rows of a matrix are not all the same. */
  private static final int BLOCK_VALUES = (1 << 22) - 3;

  private static final double DEVIATION = 0.02;

  private CheckpointWriter() {}

  public static void main(String[] args) throws IOException {
    long start = System.nanoTime();
    long bytes = write(Path.of(args[0]), Path.of(args[1]), Path.of(args[2]));
    double seconds = (System.nanoTime() - start) / 1e9;
    System.out.printf(
        Locale.ROOT, "Wrote %.2f GB in %.1f s to %s%n", bytes / 1e9, seconds, args[2]);
  }

  /** Writes the checkpoint and returns the size of its weights in bytes. */
  static long write(Path geometry, Path tiny, Path target) throws IOException {
    Files.createDirectories(target);
    copyJson(geometry, target);
    writeProcessor(tiny, target);
    byte[] values = block(0);
    byte[] scales = block(1);
    long bytes = 0;
    for (Map.Entry<String, Map<String, long[]>> component : shapes(geometry).entrySet()) {
      bytes += writeComponent(target, component.getKey(), component.getValue(), values, scales);
    }
    return bytes;
  }

  /** All tensors of a model by component and name, in the order in which the model takes them. */
  static Map<String, Map<String, long[]>> shapes(Path geometry) {
    Map<String, Map<String, long[]>> shapes = new LinkedHashMap<>();
    CheckpointFolder folder =
        CheckpointFolder.openWithRandomWeights(
            geometry,
            (component, name, shape) ->
                shapes.computeIfAbsent(component, c -> new LinkedHashMap<>()).put(name, shape));
    Compute meta = new Compute("meta", ScalarType.BFloat16);
    KernelProvider kernels =
        Kernels.provider(KernelMode.NATIVE, Compute.cpu(), Libtorch.cacheFolder());
    try (TensorScope scope = new TensorScope()) {
      Vae.load(folder, meta, kernels).close();
      GlyphEncoder.load(folder, meta).close();
      GlmImageTransformer.load(folder, meta, kernels).close();
      PriorModel.load(folder, meta, kernels, PriorOptions.defaults(Compute.cpu())).close();
    }
    return shapes;
  }

  private static void copyJson(Path from, Path to) throws IOException {
    try (Stream<Path> files = Files.walk(from, 2)) {
      for (Path file : files.filter(f -> f.toString().endsWith(".json")).toList()) {
        Path copy = to.resolve(from.relativize(file).toString());
        Files.createDirectories(copy.getParent());
        Files.copy(file, copy, StandardCopyOption.REPLACE_EXISTING);
      }
    }
  }

  private static void writeProcessor(Path tiny, Path target) throws IOException {
    Path processor = Files.createDirectories(target.resolve("processor"));
    try (Stream<Path> files = Files.list(tiny.resolve("processor"))) {
      for (Path file : files.toList()) {
        Files.copy(
            file, processor.resolve(file.getFileName()), StandardCopyOption.REPLACE_EXISTING);
      }
    }
    String config = "vision_language_encoder/config.json";
    JsonNode from = JSON.readTree(tiny.resolve(config).toFile());
    JsonNode to = JSON.readTree(target.resolve(config).toFile());
    ObjectNode tokenizer =
        (ObjectNode) JSON.readTree(tiny.resolve("processor/tokenizer.json").toFile());
    ObjectNode vocabulary = (ObjectNode) tokenizer.get("model").get("vocab");
    for (Iterator<String> names = vocabulary.fieldNames(); names.hasNext(); ) {
      String name = names.next();
      vocabulary.put(name, moved(vocabulary.get(name).asInt(), from, to));
    }
    for (JsonNode added : (ArrayNode) tokenizer.get("added_tokens")) {
      ((ObjectNode) added).put("id", moved(added.get("id").asInt(), from, to));
    }
    JSON.writeValue(processor.resolve("tokenizer.json").toFile(), tokenizer);
  }

  /**
   * An id in the other vocabulary: image tokens first, then the tokens around images, text after
   * the vision vocabulary. The image placeholder and its neighbours keep their ids.
   */
  private static int moved(int id, JsonNode from, JsonNode to) {
    int[] starts = starts(from);
    int[] targets = starts(to);
    int range = 0;
    while (range + 1 < starts.length && id >= starts[range + 1]) {
      range++;
    }
    int movedId = targets[range] + id - starts[range];
    if (range + 1 < targets.length && movedId >= targets[range + 1]) {
      throw new IllegalArgumentException("Cannot move token id " + id + ": there is no room");
    }
    return movedId;
  }

  private static int[] starts(JsonNode config) {
    int image = config.get("image_token_id").asInt();
    return new int[] {
      0,
      config.get("image_start_token_id").asInt(),
      config.get("text_config").get("vision_vocab_size").asInt(),
      // The padding and the grid's marks come just before the placeholder.
      image - 3
    };
  }

  private static long writeComponent(
      Path target, String component, Map<String, long[]> shapes, byte[] values, byte[] scales)
      throws IOException {
    List<List<String>> shards = new ArrayList<>();
    long total = 0;
    long inShard = SHARD_BYTES;
    for (Map.Entry<String, long[]> tensor : shapes.entrySet()) {
      long bytes = bytes(tensor.getValue());
      if (inShard + bytes > SHARD_BYTES && (inShard > 0 || shards.isEmpty())) {
        shards.add(new ArrayList<>());
        inShard = 0;
      }
      shards.get(shards.size() - 1).add(tensor.getKey());
      inShard += bytes;
      total += bytes;
    }
    boolean diffusers = component.equals("transformer") || component.equals("vae");
    String stem = diffusers ? "diffusion_pytorch_model" : "model";
    Path folder = Files.createDirectories(target.resolve(component));
    ObjectNode index = JSON.createObjectNode();
    index.putObject("metadata").put("total_size", total);
    ObjectNode map = index.putObject("weight_map");
    for (int i = 0; i < shards.size(); i++) {
      String name =
          String.format(Locale.ROOT, "%s-%05d-of-%05d.safetensors", stem, i + 1, shards.size());
      shards.get(i).forEach(tensor -> map.put(tensor, name));
      writeShard(folder.resolve(name), shards.get(i), shapes, values, scales);
    }
    JSON.writeValue(folder.resolve(stem + ".safetensors.index.json").toFile(), index);
    return total;
  }

  private static void writeShard(
      Path file, List<String> names, Map<String, long[]> shapes, byte[] values, byte[] scales)
      throws IOException {
    ObjectNode header = JSON.createObjectNode();
    long at = 0;
    for (String name : names) {
      ObjectNode entry = header.putObject(name).put("dtype", "BF16");
      ArrayNode shape = entry.putArray("shape");
      Arrays.stream(shapes.get(name)).forEach(shape::add);
      long bytes = bytes(shapes.get(name));
      entry.putArray("data_offsets").add(at).add(at + bytes);
      at += bytes;
    }
    String text = JSON.writeValueAsString(header);
    // Data begins at a multiple of eight.
    byte[] json = (text + " ".repeat((8 - text.length() % 8) % 8)).getBytes(StandardCharsets.UTF_8);
    try (FileChannel out =
        FileChannel.open(
            file,
            StandardOpenOption.CREATE,
            StandardOpenOption.WRITE,
            StandardOpenOption.TRUNCATE_EXISTING)) {
      writeFully(
          out, ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(json.length).flip());
      writeFully(out, ByteBuffer.wrap(json));
      ByteBuffer plain = direct(values);
      ByteBuffer ones = direct(scales);
      for (String name : names) {
        boolean scale =
            shapes.get(name).length == 1 && name.contains("norm") && name.endsWith("weight");
        ByteBuffer source = scale ? ones : plain;
        for (long left = bytes(shapes.get(name)); left > 0; ) {
          source.clear().limit((int) Math.min(left, source.capacity()));
          left -= source.remaining();
          writeFully(out, source);
        }
      }
    }
  }

  private static void writeFully(FileChannel out, ByteBuffer buffer) throws IOException {
    while (buffer.hasRemaining()) {
      out.write(buffer);
    }
  }

  private static ByteBuffer direct(byte[] bytes) {
    return ByteBuffer.allocateDirect(bytes.length).put(bytes);
  }

  private static long bytes(long[] shape) {
    return 2 * Arrays.stream(shape).reduce(1, Math::multiplyExact);
  }

  /** bfloat16 numbers around {@code mean}. */
  private static byte[] block(double mean) {
    ByteBuffer block = ByteBuffer.allocate(2 * BLOCK_VALUES).order(ByteOrder.LITTLE_ENDIAN);
    Random random = new Random(7);
    while (block.hasRemaining()) {
      float value = (float) (mean + DEVIATION * random.nextGaussian());
      block.putShort((short) (Float.floatToRawIntBits(value) >>> 16));
    }
    return block.array();
  }
}
