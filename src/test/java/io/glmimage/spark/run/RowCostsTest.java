package io.glmimage.spark.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.image.ImageEncoder;
import io.glmimage.image.RgbImage;
import io.glmimage.io.Storage;
import io.glmimage.manifest.EditDefaults;
import io.glmimage.manifest.FieldValues;
import io.glmimage.manifest.ManifestField;
import io.glmimage.manifest.RowOutcome;
import io.glmimage.manifest.RowReader;
import io.glmimage.plan.GpuCost;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RowCostsTest {
  @TempDir private Path folder;

  private double seconds(String image, String... folders) {
    Map<ManifestField, Object> values = new EnumMap<>(ManifestField.class);
    values.put(ManifestField.PROMPT, "p");
    values.put(ManifestField.IMAGE_PATHS, image);
    RowOutcome row =
        new RowReader(new EditDefaults(7, 20, 1.5, null, null, 1 << 20), folder.toString())
            .read(0, "r", FieldValues.of(values));
    return new RowCosts(GpuCost.of(GpuCost.DEFAULT), List.of(folders), null)
        .seconds(row, new Storage(new Configuration()), new AtomicInteger());
  }

  @Test
  void sourceImagesOutsideTheAllowedFoldersAreNotReadForThePlan() throws IOException {
    Files.createDirectory(folder.resolve("in"));
    byte[] image = ImageEncoder.png(new RgbImage(64, 64, new byte[64 * 64 * 3]));
    Files.write(folder.resolve("in/a.png"), image);
    Files.write(folder.resolve("a.png"), image);
    assertTrue(seconds("a.png") > 0);
    assertTrue(seconds("in/a.png", folder + "/in") > 0);
    assertEquals(0, seconds("a.png", folder + "/in"));
  }

  @Test
  void aRowThatFailsAtOnceCostsNothing() {
    assertEquals(0, seconds("missing.png"));
  }
}
