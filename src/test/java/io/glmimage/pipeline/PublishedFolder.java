package io.glmimage.pipeline;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;

/**
 * Writes a folder like the published checkpoint: all 1,853 tensors with their names, dtypes, shapes
 * and files, and holes in place of their values. 36 GB by its files' sizes, under a megabyte on
 * disk.
 */
final class PublishedFolder {
  private static final Path GEOMETRY = Path.of("src/main/resources/models/glm-image-geometry");
  private static final String TENSORS = "/published/tensors.tsv.gz";
  private static final ObjectMapper JSON = new ObjectMapper();

  private PublishedFolder() {}

  static Path write(Path folder) throws IOException {
    copy(GEOMETRY, folder);
    writeTokenizer(folder.resolve("processor"));
    Map<String, ObjectNode> headers = headers();
    Map<String, ObjectNode> indexes = new LinkedHashMap<>();
    for (Map.Entry<String, ObjectNode> file : headers.entrySet()) {
      writeWeights(folder.resolve(file.getKey()), file.getValue());
      String component = file.getKey().substring(0, file.getKey().indexOf('/'));
      String name = file.getKey().substring(component.length() + 1);
      if (name.contains("-of-")) {
        String stem = name.substring(0, name.indexOf("-0"));
        ObjectNode index =
            indexes.computeIfAbsent(
                component + "/" + stem + ".safetensors.index.json", k -> JSON.createObjectNode());
        file.getValue().fieldNames().forEachRemaining(tensor -> index.put(tensor, name));
      }
    }
    for (Map.Entry<String, ObjectNode> index : indexes.entrySet()) {
      Files.write(
          folder.resolve(index.getKey()),
          JSON.writeValueAsBytes(JSON.createObjectNode().set("weight_map", index.getValue())));
    }
    return folder;
  }

  private static Map<String, ObjectNode> headers() throws IOException {
    Map<String, ObjectNode> headers = new LinkedHashMap<>();
    try (InputStream in = PublishedFolder.class.getResourceAsStream(TENSORS);
        BufferedReader lines =
            new BufferedReader(
                new InputStreamReader(new GZIPInputStream(in), StandardCharsets.UTF_8))) {
      lines.readLine();
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        String[] columns = line.split("\t", -1);
        ObjectNode tensor = JSON.createObjectNode().put("dtype", columns[2]);
        ArrayNode shape = tensor.putArray("shape");
        long bytes = columns[2].equals("F32") ? 4 : 2;
        for (String side : columns[3].split("x", -1)) {
          shape.add(Long.parseLong(side));
          bytes *= Long.parseLong(side);
        }
        long offset = Long.parseLong(columns[4]);
        tensor.putArray("data_offsets").add(offset).add(offset + bytes);
        headers.computeIfAbsent(columns[0], k -> JSON.createObjectNode()).set(columns[1], tensor);
      }
    }
    return headers;
  }

  private static void writeWeights(Path file, ObjectNode header) throws IOException {
    Files.createDirectories(file.getParent());
    long end = 0;
    for (var tensor : header) {
      end = Math.max(end, tensor.path("data_offsets").path(1).asLong());
    }
    byte[] bytes = JSON.writeValueAsBytes(header);
    try (RandomAccessFile out = new RandomAccessFile(file.toFile(), "rw")) {
      out.write(
          ByteBuffer.allocate(Long.BYTES)
              .order(ByteOrder.LITTLE_ENDIAN)
              .putLong(bytes.length)
              .array());
      out.write(bytes);
      out.setLength(Long.BYTES + bytes.length + end);
    }
  }

  /** The published vocabulary is not known; the special tokens and their ids are. */
  private static void writeTokenizer(Path processor) throws IOException {
    ObjectNode config =
        (ObjectNode) JSON.readTree(processor.resolve("tokenizer_config.json").toFile());
    ObjectNode vocabulary = JSON.createObjectNode();
    ArrayNode added = JSON.createArrayNode();
    for (int id = 0; id < 16512; id++) {
      String token = "<|dit_token_" + id + "|>";
      vocabulary.put(token, id);
      if (id >= 16384) {
        added.add(addedToken(token, id));
      }
    }
    for (int id = 16512; id < 167841; id++) {
      vocabulary.put("word" + id, id);
    }
    config
        .path("added_tokens_decoder")
        .properties()
        .forEach(
            token -> {
              int id = Integer.parseInt(token.getKey());
              String text = token.getValue().path("content").asText();
              vocabulary.put(text, id);
              added.add(addedToken(text, id));
            });
    ObjectNode tokenizer = JSON.createObjectNode().put("version", "1.0");
    tokenizer.set("added_tokens", added);
    ObjectNode model = tokenizer.putObject("model");
    model.put("type", "BPE").put("fuse_unk", false).put("byte_fallback", false);
    model.set("vocab", vocabulary);
    model.putArray("merges");
    tokenizer
        .putObject("pre_tokenizer")
        .put("type", "ByteLevel")
        .put("add_prefix_space", false)
        .put("trim_offsets", true)
        .put("use_regex", true);
    Files.write(processor.resolve("tokenizer.json"), JSON.writeValueAsBytes(tokenizer));
    Files.writeString(
        processor.resolve("chat_template.jinja"),
        "{%- for message in messages -%}{%- for item in message.content -%}"
            + "{%- if item.type == 'image' -%}"
            + "{{- '<|dit_token_16384|><|image|><|dit_token_16385|>' -}}"
            + "{%- elif item.type == 'text' -%}{{- item.text -}}{%- endif -%}"
            + "{%- endfor -%}{%- endfor -%}");
  }

  private static ObjectNode addedToken(String content, int id) {
    return JSON.createObjectNode()
        .put("id", id)
        .put("content", content)
        .put("single_word", false)
        .put("lstrip", false)
        .put("rstrip", false)
        .put("normalized", false)
        .put("special", true);
  }

  static void copy(Path from, Path to) throws IOException {
    List<Path> files;
    try (Stream<Path> all = Files.walk(from)) {
      files = all.filter(Files::isRegularFile).toList();
    }
    for (Path file : files) {
      Path target = to.resolve(from.relativize(file).toString());
      Files.createDirectories(target.getParent());
      Files.copy(file, target);
    }
  }
}
