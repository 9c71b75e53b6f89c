package io.glmimage.weights;

import io.glmimage.io.FileSource;
import java.io.IOException;
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Predicate;

/**
 * A local copy of a checkpoint without the weights. Configurations and tokenizers are complete. A
 * safetensors file has its header, its size, and a hole instead of the data. The copy takes seconds
 * from any file system, so a remote checkpoint can be inspected like a local one.
 */
public final class CheckpointSkeleton {
  private static final long MAX_HEADER_BYTES = 100_000_000;

  private CheckpointSkeleton() {}

  /**
   * Copies the files that {@link CheckpointFiles} selects.
   *
   * @param folder an empty local folder
   * @throws IOException if the source cannot be read or the folder cannot be written
   */
  public static void copy(FileSource source, Path folder) throws IOException {
    copy(source, folder, CheckpointFiles::belongs);
  }

  /** As {@link #copy}, for the folder of a LoRA adapter. */
  public static void copyAdapter(FileSource source, Path folder) throws IOException {
    copy(source, folder, AdapterFiles::belongs);
  }

  private static void copy(FileSource source, Path folder, Predicate<String> belongs)
      throws IOException {
    for (FileSource.Entry file : source.list()) {
      if (belongs.test(file.path())) {
        Path target = folder.resolve(file.path());
        Files.createDirectories(target.getParent());
        try (InputStream in = source.open(file.path(), 0)) {
          if (file.path().endsWith(".safetensors")) {
            copyHeader(in, target, file.size());
          } else {
            Files.copy(in, target);
          }
        }
      }
    }
  }

  private static void copyHeader(InputStream in, Path target, long size) throws IOException {
    try (RandomAccessFile out = new RandomAccessFile(target.toFile(), "rw")) {
      byte[] prefix = in.readNBytes(Long.BYTES);
      out.write(prefix);
      if (prefix.length == Long.BYTES) {
        long length = ByteBuffer.wrap(prefix).order(ByteOrder.LITTLE_ENDIAN).getLong();
        // A length beyond the limit or the file size is a damaged header; the reader reports the
        // damage.
        if (length > 0 && length <= Math.min(MAX_HEADER_BYTES, size - Long.BYTES)) {
          out.write(in.readNBytes(Math.toIntExact(length)));
        }
      }
      out.setLength(size);
    }
  }
}
