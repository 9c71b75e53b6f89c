package io.glmimage.weights;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.bench.SyntheticCheckpoint;
import io.glmimage.io.LocalFileSource;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.IntConsumer;

/** A small checkpoint folder and a cache folder, for tests. */
final class CacheFixture {
  static final int MIB = 1 << 20;
  static final WeightsCache.Feed NOTHING =
      partial -> {
        throw new AssertionError("nothing should be received");
      };

  private final Path model;
  private final Path root;

  CacheFixture(Path folder) throws IOException {
    model =
        SyntheticCheckpoint.write(Files.createDirectory(folder.resolve("model")), 20 * MIB + 5, 1);
    root = folder.resolve("cache");
  }

  /** The checkpoint folder. */
  Path model() {
    return model;
  }

  /** The cache folder. */
  Path root() {
    return root;
  }

  /** Another cache object for the same folder, as another process has. */
  WeightsCache cache() {
    return WeightsCache.open(root, Long.MAX_VALUE);
  }

  CheckpointListing listing() throws IOException {
    return listing(model);
  }

  static CheckpointListing listing(Path model) throws IOException {
    return CheckpointListing.read(new LocalFileSource(model));
  }

  WeightsCache.Feed feed() {
    return feed(model);
  }

  static WeightsCache.Feed feed(Path model) {
    return feed(model, i -> {});
  }

  /** Sends the missing chunks of one block each. */
  static WeightsCache.Feed feed(Path model, IntConsumer beforeChunk) {
    return partial -> {
      ChunkPlan plan = new ChunkPlan(partial.listing(), CheckpointListing.BLOCK_BYTES);
      try (ChunkReader reader = new ChunkReader(new LocalFileSource(model), plan)) {
        var have = partial.have(plan);
        for (int i = have.nextClearBit(0); i < plan.size(); i = have.nextClearBit(i + 1)) {
          beforeChunk.accept(i);
          ChunkReader.Data data = reader.read(i);
          assertTrue(partial.write(plan, i, data.bytes(), data.joinedDigests()));
        }
      }
    };
  }

  /** The folders of checkpoints that were not received completely. */
  List<Path> partials() throws IOException {
    try (var all = Files.list(root.resolve("partial"))) {
      return all.filter(Files::isDirectory).toList();
    }
  }

  void requireSameFiles(Path folder) throws IOException {
    for (CheckpointListing.Item item : listing().items()) {
      assertEquals(
          -1, Files.mismatch(model.resolve(item.path()), folder.resolve(item.path())), item.path());
    }
  }

  /** The file with the weights. */
  static Path shard(Path folder) {
    return folder.resolve("transformer/diffusion_pytorch_model-00001-of-00001.safetensors");
  }

  static void flip(Path file, long at) throws IOException {
    try (RandomAccessFile bytes = new RandomAccessFile(file.toFile(), "rw")) {
      bytes.seek(at);
      int old = bytes.read();
      bytes.seek(at);
      bytes.write(old ^ 0x10);
    }
  }
}
