package io.glmimage.pipeline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.io.Storage;
import io.glmimage.s3.FolderS3;
import java.nio.file.Path;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
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
      Storage storage = new Storage(settings(s3));

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

  private static Configuration settings(FolderS3 s3) {
    Configuration settings = new Configuration();
    settings.set("fs.s3a.endpoint", "http://127.0.0.1:" + s3.port());
    settings.set("fs.s3a.path.style.access", "true");
    settings.set("fs.s3a.access.key", "reader");
    settings.set("fs.s3a.secret.key", "secret");
    settings.set("fs.s3a.connection.ssl.enabled", "false");
    settings.setBoolean("fs.s3a.impl.disable.cache", true);
    return settings;
  }
}
