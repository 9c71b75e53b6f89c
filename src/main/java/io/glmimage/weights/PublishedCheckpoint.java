package io.glmimage.weights;

import com.fasterxml.jackson.databind.JsonNode;
import io.glmimage.digest.Sha256;
import io.glmimage.io.FileSource;
import io.glmimage.json.Json;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Sizes and digests of the published checkpoint zai-org/GLM-Image, for comparison with other
 * checkpoints.
 */
public final class PublishedCheckpoint {
  private static final String RESOURCE = "/models/glm-image-published.json";

  /** Limit for small files, which are compared by digest. Weight files are compared by size. */
  private static final int MAX_DIGESTED_BYTES = 64 << 20;

  private PublishedCheckpoint() {}

  /**
   * The comparison of one published file.
   *
   * @param path relative to the model folder
   * @param state the result
   */
  public record Comparison(String path, State state) {}

  /** The result of a comparison. Weight files are compared by size only. */
  public enum State {
    SAME,
    SAME_SIZE,
    DIFFERENT,
    MISSING
  }

  /** The Hugging Face name and the revision, such as {@code "zai-org/GLM-Image at 2c433cc"}. */
  public static String name() {
    JsonNode facts = facts();
    return facts.path("name").asText() + " at " + facts.path("revision").asText().substring(0, 7);
  }

  /**
   * Compares the files of a folder with the published ones: small files first, then weight files.
   *
   * @throws IOException if a file cannot be read
   */
  public static List<Comparison> compare(FileSource source) throws IOException {
    Map<String, FileSource.Entry> found = new HashMap<>();
    source.list().forEach(file -> found.put(file.path(), file));
    JsonNode facts = facts();
    List<Comparison> all = new ArrayList<>();
    for (Map.Entry<String, JsonNode> file : facts.path("sha256").properties()) {
      FileSource.Entry entry = found.get(file.getKey());
      State state =
          entry == null
              ? State.MISSING
              : digest(source, entry).equals(file.getValue().asText())
                  ? State.SAME
                  : State.DIFFERENT;
      all.add(new Comparison(file.getKey(), state));
    }
    for (Map.Entry<String, JsonNode> file : facts.path("safetensors_bytes").properties()) {
      FileSource.Entry entry = found.get(file.getKey());
      State state =
          entry == null
              ? State.MISSING
              : entry.size() == file.getValue().asLong() ? State.SAME_SIZE : State.DIFFERENT;
      all.add(new Comparison(file.getKey(), state));
    }
    return all;
  }

  private static String digest(FileSource source, FileSource.Entry file) throws IOException {
    if (file.size() > MAX_DIGESTED_BYTES) {
      return "";
    }
    try (InputStream in = source.open(file.path(), 0)) {
      return Sha256.hex(in.readAllBytes());
    }
  }

  private static JsonNode facts() {
    try (InputStream in = PublishedCheckpoint.class.getResourceAsStream(RESOURCE)) {
      return Json.MAPPER.readTree(in);
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot read " + RESOURCE + " from the class path", e);
    }
  }
}
