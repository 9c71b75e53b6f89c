package io.glmimage.weights;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.glmimage.digest.Sha256;
import io.glmimage.io.Storage;
import io.glmimage.io.StoredFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Tells models apart without reading all of their weights: by the names, sizes and content of a
 * checkpoint's files, where of a safetensors file the header and {@value #SAMPLE_BYTES} bytes from
 * the middle of every tensor stand for its content. So a model that was trained further is another
 * one, and a copy is the same wherever it lies and whenever it was made. Files that no checkpoint
 * uses do not count.
 */
public final class ModelFingerprint {
  private static final String SAFETENSORS = ".safetensors";
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int SAMPLE_BYTES = 256;

  /** Configurations and tokenizers; the largest known has 20 MiB. */
  private static final long WHOLE_BYTES = 64 << 20;

  /** Holds the headers of most files. */
  private static final int HEAD_BYTES = 1 << 16;

  private static final long HEADER_BYTES_MAX = 100_000_000;

  /** An object store takes 20 to 50 ms for a sample, whatever its size. */
  private static final int THREADS = 16;

  private static final int SAMPLES_A_TASK = 64;

  private ModelFingerprint() {}

  /**
   * @param folder of the model; its own place is not part of the digest
   */
  public static String of(String folder, Storage storage) throws IOException {
    String root = storage.qualified(folder) + "/";
    ExecutorService threads =
        Executors.newFixedThreadPool(
            THREADS,
            work -> {
              Thread thread = new Thread(work, "model-fingerprint");
              thread.setDaemon(true);
              return thread;
            });
    try {
      List<Future<byte[]>> entries = new ArrayList<>();
      for (StoredFile file : storage.files(folder)) {
        String name = file.path().startsWith(root) ? file.path().substring(root.length()) : "";
        if (CheckpointFiles.belongs(name)) {
          entries.add(threads.submit(() -> entry(name, file)));
          if (name.endsWith(SAFETENSORS)) {
            entries.addAll(samples(file, storage, threads));
          } else {
            entries.add(threads.submit(() -> content(file, storage)));
          }
        }
      }
      MessageDigest digest = Sha256.start();
      for (Future<byte[]> entry : entries) {
        byte[] bytes = get(entry, folder);
        digest.update(ByteBuffer.allocate(Integer.BYTES).putInt(bytes.length).array());
        digest.update(bytes);
      }
      return Sha256.hex(digest);
    } finally {
      threads.shutdownNow();
    }
  }

  private static byte[] entry(String name, StoredFile file) {
    return (name + "\0" + file.bytes()).getBytes(StandardCharsets.UTF_8);
  }

  private static byte[] content(StoredFile file, Storage storage) throws IOException {
    return Sha256.of(
        file.bytes() <= WHOLE_BYTES
            ? storage.read(file.path(), WHOLE_BYTES)
            : storage.head(file.path(), HEAD_BYTES));
  }

  /** The header and samples of the tensors; of what is no safetensors file only its beginning. */
  private static List<Future<byte[]>> samples(
      StoredFile file, Storage storage, ExecutorService threads) throws IOException {
    byte[] header = header(file, storage);
    List<Future<byte[]>> parts = new ArrayList<>();
    parts.add(threads.submit(() -> Sha256.of(header)));
    List<Long> middles = middles(header, file.bytes());
    for (int from = 0; from < middles.size(); from += SAMPLES_A_TASK) {
      List<Long> some = middles.subList(from, Math.min(middles.size(), from + SAMPLES_A_TASK));
      parts.add(threads.submit(() -> Sha256.of(storage.pieces(file.path(), some, SAMPLE_BYTES))));
    }
    return parts;
  }

  private static byte[] header(StoredFile file, Storage storage) throws IOException {
    byte[] head = storage.head(file.path(), HEAD_BYTES);
    long needed = head.length < Long.BYTES ? 0 : Long.BYTES + headerLength(head);
    return needed > head.length && needed <= Math.min(HEADER_BYTES_MAX, file.bytes())
        ? storage.head(file.path(), (int) needed)
        : head;
  }

  private static long headerLength(byte[] head) {
    return ByteBuffer.wrap(head).order(ByteOrder.LITTLE_ENDIAN).getLong();
  }

  /**
   * Where samples of the tensors begin, in the order of the file; none if the header is damaged.
   */
  private static List<Long> middles(byte[] head, long fileBytes) {
    long length = head.length < Long.BYTES ? -1 : headerLength(head);
    if (length < 0 || length > head.length - Long.BYTES) {
      return List.of();
    }
    JsonNode header;
    try {
      header = JSON.readTree(head, Long.BYTES, (int) length);
    } catch (JacksonException e) {
      // Whoever loads the model says what is wrong with it.
      return List.of();
    } catch (IOException e) {
      throw new IllegalStateException("An array can be read", e);
    }
    List<Long> middles = new ArrayList<>();
    for (JsonNode tensor : header) {
      long begin = tensor.path("data_offsets").path(0).asLong(-1);
      long end = tensor.path("data_offsets").path(1).asLong(-1);
      if (begin >= 0 && end > begin && end <= fileBytes - Long.BYTES - length) {
        middles.add(Long.BYTES + length + begin + Math.max(0, (end - begin - SAMPLE_BYTES) / 2));
      }
    }
    middles.sort(null);
    return middles;
  }

  private static byte[] get(Future<byte[]> part, String folder) throws IOException {
    try {
      return part.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while reading " + folder, e);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof IOException cause) {
        throw cause;
      }
      throw new IOException("cannot read " + folder + ": " + e.getCause(), e.getCause());
    }
  }
}
