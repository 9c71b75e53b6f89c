package io.glmimage.bench;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** A folder with a checkpoint's layout, of any size, filled with incompressible numbers. */
public final class SyntheticCheckpoint {
  private static final long SHARD_BYTES = 1L << 30;

  private SyntheticCheckpoint() {}

  /** Writes {@code bytes} of weights, in shards of at most 1 GiB, below {@code root}. */
  public static Path write(Path root, long bytes, long seed) throws IOException {
    json(root, "model_index.json", "{\"_class_name\": \"GlmImagePipeline\"}");
    json(root, "transformer/config.json", "{\"seed\": " + seed + "}");
    json(root, "processor/tokenizer.json", "{\"version\": \"1.0\"}");
    Files.writeString(root.resolve("processor/chat_template.jinja"), "");
    int shards = (int) ((bytes + SHARD_BYTES - 1) / SHARD_BYTES);
    long state = seed * 0x9E3779B97F4A7C15L + 1;
    for (int i = 0; i < shards; i++) {
      long length = Math.min(SHARD_BYTES, bytes - i * SHARD_BYTES);
      String name =
          String.format(
              "transformer/diffusion_pytorch_model-%05d-of-%05d.safetensors", i + 1, shards);
      try (OutputStream out =
          new BufferedOutputStream(Files.newOutputStream(root.resolve(name)), 1 << 20)) {
        byte[] header =
            String.format(
                    "{\"w%d\":{\"dtype\":\"U8\",\"shape\":[%d],\"data_offsets\":[0,%d]}}",
                    i, length, length)
                .getBytes(StandardCharsets.UTF_8);
        out.write(
            ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(header.length).array());
        out.write(header);
        byte[] piece = new byte[1 << 20];
        ByteBuffer view = ByteBuffer.wrap(piece);
        for (long done = 0; done < length; done += piece.length) {
          for (int at = 0; at < piece.length; at += 8) {
            // xorshift64
            state ^= state << 13;
            state ^= state >>> 7;
            state ^= state << 17;
            view.putLong(at, state);
          }
          out.write(piece, 0, (int) Math.min(piece.length, length - done));
        }
      }
    }
    return root;
  }

  private static void json(Path root, String name, String text) throws IOException {
    Files.createDirectories(root.resolve(name).getParent());
    Files.writeString(root.resolve(name), text);
  }
}
