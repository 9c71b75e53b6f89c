package io.glmimage.weights;

import io.glmimage.io.LocalFileSource;
import java.nio.file.Path;

/**
 * Fills or finds a cache entry in a separate process, for tests that kill it or run several at
 * once.
 *
 * <p>Arguments: cache folder, model folder, milliseconds to wait before each chunk. Prints {@code
 * CHUNK n} after each chunk and {@code DONE digest reused} at the end.
 */
public final class CacheProcess {
  private CacheProcess() {}

  public static void main(String[] args) throws Exception {
    LocalFileSource source = new LocalFileSource(Path.of(args[1]));
    CheckpointListing listing = CheckpointListing.read(source);
    ChunkPlan plan = new ChunkPlan(listing, CheckpointListing.BLOCK_BYTES);
    WeightsCache cache = WeightsCache.open(Path.of(args[0]), Long.MAX_VALUE);
    WeightsCache.Feed feed =
        partial -> {
          try (ChunkReader reader = new ChunkReader(source, plan)) {
            var have = partial.have(plan);
            System.out.println("HAVE " + have.cardinality());
            for (int i = have.nextClearBit(0); i < plan.size(); i = have.nextClearBit(i + 1)) {
              Thread.sleep(Long.parseLong(args[2]));
              ChunkReader.Data data = reader.read(i);
              partial.write(plan, i, data.bytes(), data.joinedDigests());
              System.out.println("CHUNK " + i);
            }
          }
        };
    try (CachedWeights weights = cache.obtain(listing, WeightsCache.Check.QUICK, feed)) {
      System.out.println("DONE " + weights.digest() + " " + weights.reused());
    }
  }
}
