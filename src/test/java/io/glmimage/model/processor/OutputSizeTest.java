package io.glmimage.model.processor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.glmimage.error.InvalidRequestException;
import io.glmimage.image.PixelSize;
import io.glmimage.image.RgbImage;
import io.glmimage.request.EditRequest;
import java.util.List;
import org.junit.jupiter.api.Test;

class OutputSizeTest {
  private static final OutputSize RULE = new OutputSize();

  private static EditRequest request(List<RgbImage> sources, Integer height, Integer width) {
    return new EditRequest("r-17", "p", sources, height, width, 4, 1.5, 0);
  }

  private static List<RgbImage> source(int height, int width) {
    return List.of(
        new RgbImage(height, width, new byte[height * width * 3]),
        new RgbImage(64, 64, new byte[64 * 64 * 3]));
  }

  @Test
  void textToImageDefaultsTo1024() {
    assertEquals(new PixelSize(1024, 1024), RULE.of(request(List.of(), null, null)));
    assertEquals(new PixelSize(512, 1024), RULE.of(request(List.of(), 512, null)));
  }

  @Test
  void editsTakeTheFirstSourcesSize() {
    assertEquals(new PixelSize(64, 96), RULE.of(request(source(70, 101), null, null)));
    assertEquals(new PixelSize(128, 96), RULE.of(request(source(70, 101), 130, null)));
    assertEquals(new PixelSize(64, 128), RULE.of(request(source(70, 101), null, 159)));
  }

  @Test
  void everySourceGivesAnAllowedSize() {
    assertEquals(new PixelSize(32, 32), RULE.of(request(source(5, 20), null, null)));
    assertEquals(
        new PixelSize(512, 256), new OutputSize(512).of(request(source(1000, 520), null, null)));
  }

  @Test
  void badSizesNameTheRequestAndTheLimits() {
    for (int side : new int[] {-1, 0, 31, 4097}) {
      assertEquals(
          "Cannot edit request r-17: height " + side + " is not between 32 and 4096 pixels",
          assertThrows(InvalidRequestException.class, () -> RULE.of(request(List.of(), side, null)))
              .getMessage());
    }
    assertThrows(InvalidRequestException.class, () -> RULE.of(request(List.of(), null, 10)));
  }
}
