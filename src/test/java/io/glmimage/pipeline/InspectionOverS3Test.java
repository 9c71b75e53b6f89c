package io.glmimage.pipeline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.io.Storage;
import io.glmimage.s3.FolderS3;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The published checkpoint, as sparse files, inspected through Hadoop's S3A client. */
@Tag("s3")
class InspectionOverS3Test {
  @TempDir private Path temporary;

  @Test
  void thePublishedCheckpointIsAcceptedFromABucket() throws Exception {
    PublishedFolder.write(temporary.resolve("models/GLM-Image"));
    try (FolderS3 s3 = FolderS3.start(temporary)) {
      Storage storage = new Storage(s3.settings());

      CheckpointReport report =
          CheckpointInspector.inspect(
              storage.checkpoint("s3a://" + FolderS3.BUCKET + "/models/GLM-Image"));

      assertEquals(List.of(), report.problems());
      assertTrue(report.usable());
      System.out.printf(
          "inspection over S3: %d requests, %d bytes sent%n", s3.requests(), s3.bytes());
      assertTrue(s3.requests() < 200, s3.requests() + " requests");
      // The weights have 35.8 GB. What lies in the buffers of a closed connection counts as sent.
      assertTrue(s3.bytes() < 500_000_000L, s3.bytes() + " bytes");
    }
  }
}
