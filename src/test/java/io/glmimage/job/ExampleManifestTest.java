package io.glmimage.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.image.ImageDecoder;
import io.glmimage.image.RgbImage;
import io.glmimage.predict.EditEngine;
import io.glmimage.predict.GlmImageEngine;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class ExampleManifestTest {
  @Test
  void theWideRowsDiamondIsAClearYellow() throws Exception {
    RgbImage source =
        ImageDecoder.decode(
            ExampleManifest.resource(ExampleManifest.WIDE_SOURCE), ExampleManifest.WIDE_SOURCE);
    EditResult result;
    try (EditEngine engine =
        GlmImageEngine.load(Path.of("src/main/resources/models/glm-image-tiny"), "cpu")) {
      result =
          engine
              .edit(
                  List.of(
                      new EditRequest(
                          ExampleManifest.WIDE_ID,
                          ExampleManifest.WIDE_PROMPT,
                          List.of(source),
                          null,
                          null,
                          ExampleManifest.STEPS,
                          ExampleManifest.GUIDANCE,
                          ExampleManifest.WIDE_SEED)))
              .get(0);
    }
    byte[] pixels = result.image().pixels();
    long[] sums = new long[3];
    long count = 0;
    for (int i = 0; i < pixels.length; i += 3) {
      int[] rgb = {pixels[i] & 255, pixels[i + 1] & 255, pixels[i + 2] & 255};
      // Only the yellow, amber and orange pixels of the image.
      if (rgb[0] > 200 && rgb[1] > 120 && rgb[2] < 110) {
        count++;
        for (int c = 0; c < 3; c++) {
          sums[c] += rgb[c];
        }
      }
    }
    assertTrue(count > 1500, count + " pixels");
    // The training's yellow is (245, 220, 50), its orange (245, 135, 30).
    assertEquals(245, (double) sums[0] / count, 12);
    assertEquals(220, (double) sums[1] / count, 12);
    assertEquals(50, (double) sums[2] / count, 25);
  }
}
