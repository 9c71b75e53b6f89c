package io.glmimage.weights;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ChunkPlanTest {
  @TempDir Path temporary;
  private CacheFixture fixture;

  @BeforeEach
  void writeModel() throws IOException {
    fixture = new CacheFixture(temporary);
  }

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
