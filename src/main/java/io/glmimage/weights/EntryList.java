package io.glmimage.weights;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.glmimage.json.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;

/**
 * The list of a cache entry's files, stored next to the entry, with sizes, modification times and
 * block checksums. An entry is complete once its list exists.
 */
final class EntryList {
  private final long[] modified;
  private final byte[][] digests;

  private EntryList(long[] modified, byte[][] digests) {
    this.modified = modified;
    this.digests = digests;
  }

  /** When the file with this index was modified last, in milliseconds since 1970. */
  long modified(int file) {
    return modified[file];
  }

  /** The SHA-256 of each of {@link CheckpointListing#blocks}. */
  byte[][] digests() {
    return digests;
  }

  /**
   * @throws DamagedEntryException if the list is malformed or does not fit the checkpoint
   */
  static EntryList read(Path entry, CheckpointListing listing)
      throws IOException, DamagedEntryException {
    JsonNode json;
    try {
      json = Json.MAPPER.readTree(Files.readAllBytes(CacheFolder.listOf(entry)));
    } catch (JacksonException e) {
      throw new DamagedEntryException("its list of files is not valid JSON");
    }
    JsonNode files = json.path("files");
    List<CheckpointListing.Item> items = listing.items();
    if (!files.isArray() || files.size() != items.size()) {
      throw otherModel();
    }
    long[] modified = new long[items.size()];
    byte[][] digests = new byte[listing.blocks().size()][];
    int next = 0;
    for (int i = 0; i < items.size(); i++) {
      CheckpointListing.Item item = items.get(i);
      JsonNode file = files.get(i);
      if (!file.path("path").asText().equals(item.path())
          || file.path("size").asLong(-1) != item.size()
          || file.path("blocks").size() != item.blocks()) {
        throw otherModel();
      }
      modified[i] = file.path("modified").asLong();
      for (JsonNode block : file.path("blocks")) {
        if (!block.asText().matches("[0-9a-f]{64}")) {
          throw new DamagedEntryException("its list of files has a malformed checksum");
        }
        digests[next++] = HexFormat.of().parseHex(block.asText());
      }
    }
    return new EntryList(modified, digests);
  }

  private static DamagedEntryException otherModel() {
    return new DamagedEntryException("its list of files is not that of the model");
  }

  /** Writes the list of an entry whose files are complete, which makes the entry complete. */
  static void write(Path entry, CheckpointListing listing, byte[][] digests) throws IOException {
    ObjectNode json = Json.MAPPER.createObjectNode();
    json.put("source", listing.source());
    json.put("bytes", listing.totalBytes());
    ArrayNode files = json.putArray("files");
    int next = 0;
    for (CheckpointListing.Item item : listing.items()) {
      ObjectNode file = files.addObject();
      file.put("path", item.path());
      file.put("size", item.size());
      file.put("modified", Files.getLastModifiedTime(entry.resolve(item.path())).toMillis());
      ArrayNode blocks = file.putArray("blocks");
      for (int i = 0; i < item.blocks(); i++) {
        blocks.add(HexFormat.of().formatHex(digests[next++]));
      }
    }
    FileTrees.writeAtomically(CacheFolder.listOf(entry), Json.MAPPER.writeValueAsBytes(json));
  }
}
