package io.glmimage.weights;

import io.glmimage.digest.Sha256;
import io.glmimage.error.CheckpointException;
import io.glmimage.io.FileSource;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.Predicate;

/**
 * The list of a checkpoint's files, created without reading the weights. Only configurations,
 * tokenizers and the headers of safetensors files are read.
 *
 * <p>Files are divided into blocks of {@link #BLOCK_BYTES} for checksums. A block never spans two
 * files.
 */
public final class CheckpointListing implements Serializable {
  private static final long serialVersionUID = 1L;

  /** Bytes that one checksum covers. Every block of a file except the last has this size. */
  public static final int BLOCK_BYTES = 8 << 20;

  /**
   * @param path relative to the model folder
   * @param size bytes
   * @param version as {@link FileSource.Entry#version}
   */
  public record Item(String path, long size, String version) implements Serializable {
    int blocks() {
      return Math.toIntExact((size + BLOCK_BYTES - 1) / BLOCK_BYTES);
    }
  }

  /** The part of a file that one checksum covers. */
  record Block(Item item, long offset, int length) {}

  private final String source;
  private final List<Item> items;
  private final String version;

  private CheckpointListing(String source, List<Item> items, String version) {
    this.source = source;
    this.items = List.copyOf(items);
    this.version = version;
  }

  /**
   * @throws CheckpointException if the folder is not a checkpoint or a file is damaged
   * @throws IOException if the folder cannot be read
   */
  public static CheckpointListing read(FileSource source) throws IOException {
    List<Item> items = items(source, CheckpointFiles::belongs);
    if (items.stream().noneMatch(item -> item.path().equals("model_index.json"))) {
      throw new CheckpointException(
          "Cannot load model: "
              + source.name()
              + " has no model_index.json; the folder must have the Hugging Face layout of"
              + " GLM-Image");
    }
    return of(source, items);
  }

  /**
   * As {@link #read}, for the folder of a LoRA adapter.
   *
   * @throws CheckpointException if the folder holds no adapter
   */
  public static CheckpointListing readAdapter(FileSource source) throws IOException {
    AdapterFiles.parts(source, source.name());
    return of(source, items(source, AdapterFiles::belongs));
  }

  private static List<Item> items(FileSource source, Predicate<String> belongs) throws IOException {
    List<Item> items = new ArrayList<>();
    for (FileSource.Entry entry : source.list()) {
      if (belongs.test(entry.path())) {
        items.add(new Item(entry.path(), entry.size(), entry.version()));
      }
    }
    items.sort(Comparator.comparing(Item::path));
    return items;
  }

  private static CheckpointListing of(FileSource source, List<Item> items) throws IOException {
    MessageDigest heads = Sha256.start();
    MessageDigest version = Sha256.start();
    put(version, source.name());
    for (Item item : items) {
      put(heads, item.path());
      put(heads, Long.toString(item.size()));
      heads.update(head(source, item));
      put(version, item.path());
      put(version, item.version());
    }
    version.update(heads.digest());
    return new CheckpointListing(source.name(), items, Sha256.hex(version));
  }

  /** The folder, for messages. */
  public String source() {
    return source;
  }

  public List<Item> items() {
    return items;
  }

  /**
   * Identifies this version of this folder. It is a digest of the location, of every file's path,
   * size and version, and of the content of small files and tensor headers. A copy in another
   * location has another version; {@link ModelFingerprint} identifies a model wherever it is.
   */
  public String version() {
    return version;
  }

  public long totalBytes() {
    return items.stream().mapToLong(Item::size).sum();
  }

  /** All blocks, in file order. */
  List<Block> blocks() {
    List<Block> blocks = new ArrayList<>();
    for (Item item : items) {
      for (long offset = 0; offset < item.size(); offset += BLOCK_BYTES) {
        blocks.add(new Block(item, offset, (int) Math.min(BLOCK_BYTES, item.size() - offset)));
      }
    }
    return blocks;
  }

  /**
   * The SHA-256 of the content, which covers every file's path, size and block checksums.
   *
   * @param digests one SHA-256 for each of {@link #blocks}
   */
  String contentDigest(byte[][] digests) {
    MessageDigest content = Sha256.start();
    int next = 0;
    for (Item item : items) {
      put(content, item.path());
      put(content, Long.toString(item.size()));
      for (int i = 0; i < item.blocks(); i++) {
        content.update(digests[next++]);
      }
    }
    return Sha256.hex(content);
  }

  /** The first difference between two models that are known to differ. */
  public static String difference(CheckpointListing expected, CheckpointListing found) {
    Map<String, Long> sizes = new HashMap<>();
    found.items.forEach(item -> sizes.put(item.path(), item.size()));
    for (Item item : expected.items) {
      Long size = sizes.remove(item.path());
      if (size == null) {
        return item.path() + " is missing";
      }
      if (size != item.size()) {
        return item.path() + " has " + size + " bytes instead of " + item.size();
      }
    }
    if (!sizes.isEmpty()) {
      return "it has " + new TreeSet<>(sizes.keySet()).first() + ", which the model does not have";
    }
    return "configurations, tokenizer files, tensor headers or weights differ";
  }

  /** The SHA-256 of a small file, or of the header of a safetensors file. */
  private static byte[] head(FileSource source, Item item) throws IOException {
    MessageDigest digest = Sha256.start();
    try (InputStream in = source.open(item.path(), 0)) {
      long length = item.size();
      if (item.path().endsWith(".safetensors") && item.size() >= SafetensorsHeader.PREFIX_BYTES) {
        byte[] prefix = in.readNBytes(SafetensorsHeader.PREFIX_BYTES);
        digest.update(prefix);
        length =
            SafetensorsHeader.jsonBytes(prefix, item.size(), source.name() + "/" + item.path());
      }
      byte[] buffer = new byte[1 << 16];
      while (length > 0) {
        int n = in.read(buffer, 0, (int) Math.min(buffer.length, length));
        if (n < 0) {
          throw new EOFException(
              source.name() + "/" + item.path() + " became shorter while it was read");
        }
        digest.update(buffer, 0, n);
        length -= n;
      }
    }
    return digest.digest();
  }

  private static void put(MessageDigest digest, String text) {
    digest.update(text.getBytes(StandardCharsets.UTF_8));
    digest.update((byte) 0);
  }
}
