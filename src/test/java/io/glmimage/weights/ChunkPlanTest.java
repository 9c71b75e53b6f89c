package io.glmimage.weights;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class ChunkPlanTest extends CacheFixtureTests {
  @Test
  void chunksHoldWholeBlocksAndCoverEverything() throws Exception {
    CheckpointListing listing = fixture.listing();
    for (int size :
        new int[] {1, CacheFixture.MIB, 8 * CacheFixture.MIB, 17 * CacheFixture.MIB, 1 << 30}) {
      ChunkPlan plan = new ChunkPlan(listing, size);
      long total = 0;
      for (int i = 0; i < plan.size(); i++) {
        assertTrue(plan.length(i) <= Math.max(size, CheckpointListing.BLOCK_BYTES));
        total += plan.length(i);
      }
      assertEquals(listing.totalBytes(), total);
    }
  }
}
