package io.glmimage.model.processor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.glmimage.error.InvalidRequestException;
import io.glmimage.image.PixelSize;
import org.junit.jupiter.api.Test;

class SmartResizeTest {
  private static final SmartResize RULE = new SmartResize(16, 512 * 512, 2048 * 2048);

  @Test
  void tinySourcesAreEnlargedInTheirAspectRatio() {
    assertEquals(new PixelSize(256, 256), RULE.of(new PixelSize(1, 1)));
    assertEquals(new PixelSize(256, 1024), RULE.of(new PixelSize(1, 4)));
    assertEquals(RULE.reference(new PixelSize(16, 43)), RULE.of(new PixelSize(15, 40)));
    assertEquals(RULE.reference(new PixelSize(43, 16)), RULE.of(new PixelSize(40, 15)));
  }

  @Test
  void everySourceUpToAspectFourHasASize() {
    for (int height = 1; height < 200; height++) {
      for (int width = (height + 3) / 4; width <= 4 * height; width += 7) {
        PixelSize size = RULE.of(new PixelSize(height, width));
        assertEquals(0, size.height() % 16);
        assertEquals(0, size.width() % 16);
      }
    }
  }

  @Test
  void longSourcesNameTheLimit() {
    assertEquals(
        "Cannot use a source image of 401 x 100 pixels: its aspect ratio is 4.01, the model takes"
            + " at most 4; crop or pad it",
        assertThrows(InvalidRequestException.class, () -> RULE.of(new PixelSize(100, 401)))
            .getMessage());
    assertThrows(InvalidRequestException.class, () -> RULE.of(new PixelSize(5, 1)));
  }
}
