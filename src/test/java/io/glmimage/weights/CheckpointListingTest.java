package io.glmimage.weights;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.CheckpointException;
import java.nio.file.Files;
import org.junit.jupiter.api.Test;

class CheckpointListingTest extends CacheFixtureTests {
  @Test
  void aFolderWithoutAModelIndexIsRefused() throws Exception {
    Files.delete(fixture.model().resolve("model_index.json"));
    CheckpointException e = assertThrows(CheckpointException.class, () -> fixture.listing());
    assertTrue(e.getMessage().contains("has no model_index.json"));
  }

  @Test
  void aTruncatedSafetensorsHeaderIsRefused() throws Exception {
    Files.write(CacheFixture.shard(fixture.model()), new byte[] {1, 1, 1, 1, 0, 0, 0, 0, 7});
    CheckpointException e = assertThrows(CheckpointException.class, () -> fixture.listing());
    assertTrue(e.getMessage().contains("it is truncated"), e.getMessage());
  }
}
