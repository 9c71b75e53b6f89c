package io.glmimage.weights;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import io.glmimage.error.CheckpointException;
import io.glmimage.json.Json;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The header of a safetensors file: 8 bytes with the length of the JSON text, little-endian, then
 * the JSON text {@code {name: {dtype, shape, data_offsets}}}
 * (https://huggingface.co/docs/safetensors). Dtypes and sizes are not checked here.
 */
final class SafetensorsHeader {
  /** Bytes before the JSON text. */
  static final int PREFIX_BYTES = Long.BYTES;

  private static final long MAX_JSON_BYTES = 100_000_000;

  private static final ObjectReader JSON =
      Json.MAPPER.reader().with(JsonParser.Feature.STRICT_DUPLICATE_DETECTION);

  /**
   * A tensor as described by the header.
   *
   * @param begin offset in the data, which starts after the header
   * @param end offset after the last byte
   */
  record Tensor(String dtype, long[] shape, long begin, long end) {}

  private SafetensorsHeader() {}

  /**
   * The length of the JSON text, in bytes.
   *
   * @param start at least the first {@link #PREFIX_BYTES} of the file
   * @throws CheckpointException if the file is too short or the length is out of range
   */
  static int jsonBytes(byte[] start, long fileBytes, String file) {
    if (fileBytes < PREFIX_BYTES || start.length < PREFIX_BYTES) {
      throw invalid(file, "it has " + fileBytes + " bytes, too few for a header");
    }
    long length = ByteBuffer.wrap(start).order(ByteOrder.LITTLE_ENDIAN).getLong();
    if (length <= 0 || length > MAX_JSON_BYTES) {
      throw invalid(file, "its header claims " + length + " bytes; this is not a safetensors file");
    }
    if (PREFIX_BYTES + length > fileBytes) {
      throw invalid(
          file,
          "it is truncated: the header needs "
              + (PREFIX_BYTES + length)
              + " bytes, the file has "
              + fileBytes);
    }
    return (int) length;
  }

  /**
   * The tensors by name, in header order.
   *
   * @param bytes contains the JSON text, starting at {@code offset}
   * @throws CheckpointException if the text is malformed
   */
  static Map<String, Tensor> parse(byte[] bytes, int offset, int length, String file) {
    JsonNode header;
    try {
      header = JSON.readTree(bytes, offset, length);
    } catch (JacksonException e) {
      throw invalid(file, "its header is not valid JSON: " + e.getOriginalMessage());
    } catch (IOException e) {
      // Arrays can be read, so the text is in none of the encodings of Unicode.
      throw invalid(file, "its header is not valid JSON: " + e.getMessage());
    }
    if (header == null || !header.isObject()) {
      throw invalid(file, "its header is not a JSON object");
    }
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> field : header.properties()) {
      if (!field.getKey().equals("__metadata__")) {
        tensors.put(field.getKey(), tensor(field.getKey(), field.getValue(), file));
      }
    }
    return tensors;
  }

  /**
   * The texts of {@code __metadata__}; empty if there are none.
   *
   * @param bytes the JSON text, which {@link #parse} has accepted
   */
  static Map<String, String> metadata(byte[] bytes) throws IOException {
    Map<String, String> texts = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> entry :
        JSON.readTree(bytes).path("__metadata__").properties()) {
      texts.put(entry.getKey(), entry.getValue().asText());
    }
    return texts;
  }

  private static Tensor tensor(String name, JsonNode node, String file) {
    JsonNode shapeNode = node.path("shape");
    JsonNode offsets = node.path("data_offsets");
    if (!shapeNode.isArray() || !offsets.isArray() || offsets.size() != 2) {
      throw invalid(file, "tensor " + name + " has no shape or no data_offsets");
    }
    long[] shape = new long[shapeNode.size()];
    for (int i = 0; i < shape.length; i++) {
      shape[i] = shapeNode.get(i).asLong(-1);
      if (shape[i] < 0) {
        throw invalid(file, "tensor " + name + " has shape " + shapeNode);
      }
    }
    return new Tensor(
        node.path("dtype").asText(), shape, offsets.get(0).asLong(-1), offsets.get(1).asLong(-1));
  }

  static CheckpointException invalid(String file, String why) {
    return new CheckpointException("Cannot load model: " + file + ": " + why);
  }
}
