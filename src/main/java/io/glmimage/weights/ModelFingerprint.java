package io.glmimage.weights;

import io.glmimage.digest.Sha256;
import io.glmimage.error.CheckpointException;
import io.glmimage.io.DaemonThreads;
import io.glmimage.io.Storage;
import io.glmimage.io.StoredFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The identity of a model, as recorded in result tables: a digest of the names, sizes and content
 * of a checkpoint's files. For a safetensors file, the header and {@value #SAMPLE_BYTES} bytes from
 * the middle of every tensor represent the content. A model that was trained further has another
 * fingerprint. A copy has the same fingerprint, regardless of place and time. Files that a
 * checkpoint does not use are ignored.
 */
public final class ModelFingerprint {
  private static final String SAFETENSORS = ".safetensors";
  private static final Logger LOG = LoggerFactory.getLogger(ModelFingerprint.class);
  private static final int SAMPLE_BYTES = 256;

  /** Limit for configurations and tokenizers. The largest known file has 20 MiB. */
  private static final long WHOLE_BYTES = 64 << 20;

  /** Covers the headers of most files. */
  private static final int HEAD_BYTES = 1 << 16;

  /**
   * An object store needs 20 to 50 ms for a sample of any size, so samples are read in parallel.
   */
  private static final int THREADS = 16;

  private static final int SAMPLES_A_TASK = 64;

  private ModelFingerprint() {}

  /**
   * @param folder the model folder; its location is not part of the digest
   */
  public static String of(String folder, Storage storage) throws IOException {
    String root = storage.qualified(folder) + "/";
    ExecutorService threads =
        Executors.newFixedThreadPool(THREADS, DaemonThreads.named("model-fingerprint"));
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

  /**
   * The digests of the header and of the tensor samples; for a damaged file, of its beginning only.
   */
  private static List<Future<byte[]>> samples(
      StoredFile file, Storage storage, ExecutorService threads) throws IOException {
    byte[] start = storage.head(file.path(), HEAD_BYTES);
    List<Long> middles = List.of();
    try {
      int json = SafetensorsHeader.jsonBytes(start, file.bytes(), file.path());
      if (SafetensorsHeader.PREFIX_BYTES + json > start.length) {
        start = storage.head(file.path(), SafetensorsHeader.PREFIX_BYTES + json);
      }
      middles = middles(start, json, file);
    } catch (CheckpointException e) {
      LOG.debug("Loading the model will report the damaged header of {}", file.path(), e);
    }
    byte[] header = start;
    List<Future<byte[]>> parts = new ArrayList<>();
    parts.add(threads.submit(() -> Sha256.of(header)));
    for (int from = 0; from < middles.size(); from += SAMPLES_A_TASK) {
      List<Long> some = middles.subList(from, Math.min(middles.size(), from + SAMPLES_A_TASK));
      parts.add(threads.submit(() -> Sha256.of(storage.pieces(file.path(), some, SAMPLE_BYTES))));
    }
    return parts;
  }

  /** The positions of the samples, in file order. */
  private static List<Long> middles(byte[] start, int json, StoredFile file) {
    long data = (long) SafetensorsHeader.PREFIX_BYTES + json;
    List<Long> middles = new ArrayList<>();
    for (SafetensorsHeader.Tensor tensor :
        SafetensorsHeader.parse(start, SafetensorsHeader.PREFIX_BYTES, json, file.path())
            .values()) {
      long length = tensor.end() - tensor.begin();
      if (tensor.begin() >= 0 && length > 0 && tensor.end() <= file.bytes() - data) {
        middles.add(data + tensor.begin() + Math.max(0, (length - SAMPLE_BYTES) / 2));
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
