package io.glmimage.weights;

import io.glmimage.error.WeightsException;
import io.glmimage.io.LocalFileSource;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * Fills or finds a cache entry in a separate process, for tests that kill it or run several at
 * once.
 *
 * <p>Arguments: cache folder, model folder, and whether a line of standard input is read before
 * each chunk. Prints {@code CHUNK n} after each chunk and {@code DONE digest reused} at the end.
 */
public final class CacheProcess {
  private CacheProcess() {}

  public static void main(String[] args) throws Exception {
    boolean waits = Boolean.parseBoolean(args[2]);
    BufferedReader permissions =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
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
              if (waits) {
                await(permissions, i);
              }
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

  private static void await(BufferedReader permissions, int chunk) {
    try {
      if (permissions.readLine() == null) {
        throw new WeightsException("no permission for chunk " + chunk);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
