package io.glmimage.weights;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.bench.SyntheticCheckpoint;
import io.glmimage.io.CheckpointSource;
import io.glmimage.io.FileSource;
import io.glmimage.io.LocalFileSource;
import io.glmimage.s3.FolderS3;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Chunks that several threads read through Hadoop's S3A client. */
@Tag("s3")
class ChunksOverS3Test {
  @TempDir private Path temporary;

  @Test
  void chunksReadInAnyOrderCostNoMoreBytesThanTheyHave() throws Exception {
    Path model =
        SyntheticCheckpoint.write(Files.createDirectory(temporary.resolve("m")), 60 << 20, 4);
    try (FolderS3 s3 = FolderS3.start(temporary)) {
      FileSource source = CheckpointSource.open("s3a://" + FolderS3.BUCKET + "/m", s3.settings());
      CheckpointListing listing = CheckpointListing.read(source);
      ChunkPlan plan = new ChunkPlan(listing, 8 << 20);
      long before = s3.bytes();
      try (ChunkReader reader = new ChunkReader(source, plan);
          ChunkReader local = new ChunkReader(new LocalFileSource(model), localPlan(model))) {
        IntStream.range(0, plan.size())
            .parallel()
            .map(i -> plan.size() - 1 - i)
            .forEach(i -> assertArrayEquals(local.read(i).bytes(), reader.read(i).bytes()));
      }
      long sent = s3.bytes() - before;
      assertTrue(sent <= listing.totalBytes() * 1.05, sent + " of " + listing.totalBytes());
    }
  }

  private static ChunkPlan localPlan(Path model) throws Exception {
    return new ChunkPlan(CacheFixture.listing(model), 8 << 20);
  }
}
