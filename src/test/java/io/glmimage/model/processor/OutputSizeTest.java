package io.glmimage.model.processor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.InvalidRequestException;
import io.glmimage.image.PixelSize;
import io.glmimage.image.RgbImage;
import io.glmimage.model.Grid;
import io.glmimage.request.LargeSources;
import io.glmimage.request.Sizing;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Sizes are given as height, width here; names of sizes as width x height. */
class OutputSizeTest {
  private static final OutputSize RULE = OutputSize.ofPublishedCheckpoint();
  private static final Sizing INEXACT =
      new Sizing(false, LargeSources.FIT, Sizing.DEFAULT_MAX_PIXELS);

  private static SizePlan plan(PixelSize source, Integer height, Integer width, Sizing sizing) {
    List<PixelSize> sources = source == null ? List.of() : List.of(source, new PixelSize(600, 800));
    return RULE.of("r-17", height, width, sources, sizing);
  }

  private static SizePlan edit(int height, int width) {
    return plan(new PixelSize(height, width), null, null, Sizing.DEFAULT);
  }

  private static Sizing large(LargeSources large) {
    return new Sizing(true, large, Sizing.DEFAULT_MAX_PIXELS);
  }

  /** The target's grid is the grid at which the processor reads the first source. */
  @ParameterizedTest
  @CsvSource({
    "1080, 1920, 34, 60",
    "600, 800, 19, 25",
    "500, 500, 16, 16",
    "528, 1040, 16, 32",
    "720, 1280, 22, 40",
    "1536, 2048, 48, 64",
    "2047, 2047, 64, 64",
    "300, 400, 16, 21",
    "5, 20, 16, 64"
  })
  void anEditHasTheExactSizeAndTheGridOfItsFirstSource(
      int height, int width, int rows, int columns) {
    SizePlan plan = edit(height, width);
    assertEquals(new PixelSize(height, width), plan.output());
    assertEquals(new Grid(rows, columns), plan.firstGrid());
    assertEquals(new PixelSize(32 * rows, 32 * columns), plan.generated());
    assertEquals(1.0, plan.scale());
  }

  @Test
  void nothingIsResizedWhereSidesAreWholeTokens() {
    for (int[] side : new int[][] {{512, 512}, {1024, 768}, {2048, 512}, {544, 2048}}) {
      SizePlan plan = edit(side[0], side[1]);
      assertEquals(new PixelSize(side[0], side[1]), plan.generated());
      assertEquals(plan.generated(), plan.output());
      RgbImage image = image(side[0], side[1]);
      assertSame(image, plan.finish(image));
      assertEquals(
          plan.generated(), plan(new PixelSize(side[0], side[1]), null, null, INEXACT).generated());
    }
  }

  @Test
  void aRequestedSizeIsRoundedUpAndThenMadeExact() {
    SizePlan plan = plan(new PixelSize(1080, 1920), 540, 961, Sizing.DEFAULT);
    assertEquals(new PixelSize(544, 992), plan.generated());
    assertEquals(new PixelSize(540, 961), plan.output());
    assertEquals(new Grid(34, 60), plan.firstGrid());
    // An edit shows the same scene as its source: it is resized and not cut.
    assertEquals(false, plan.cropped());
    assertEquals(0.5, plan(new PixelSize(1080, 1920), 540, 960, Sizing.DEFAULT).scale());
    assertNull(plan(new PixelSize(1080, 1920), 540, 540, Sizing.DEFAULT).scale());
    // The other side is that of the source.
    assertEquals(
        new PixelSize(540, 1000),
        plan(new PixelSize(700, 1000), 540, null, Sizing.DEFAULT).output());
  }

  @Test
  void askingForTheSizeOfTheSourceIsAsAskingForNone() {
    for (int[] side : new int[][] {{1080, 1920}, {490, 490}, {1111, 777}, {300, 410}}) {
      PixelSize source = new PixelSize(side[0], side[1]);
      assertEquals(
          edit(side[0], side[1]),
          plan(source, side[0], side[1], Sizing.DEFAULT),
          () -> "" + source);
    }
  }

  @Test
  void textToImageIsCutFromTheMiddleOfWholeTokens() {
    SizePlan plan = plan(null, 70, 101, Sizing.DEFAULT);
    assertEquals(new PixelSize(96, 128), plan.generated());
    assertEquals(new PixelSize(70, 101), plan.output());
    assertNull(plan.scale());
    RgbImage image = image(96, 128);
    RgbImage out = plan.finish(image);
    assertEquals(List.of(70, 101), List.of(out.height(), out.width()));
    for (int y : new int[] {0, 69}) {
      for (int x : new int[] {0, 100}) {
        assertArrayEquals(pixel(image, y + 13, x + 13), pixel(out, y, x));
      }
    }
    assertEquals(new PixelSize(1024, 1024), plan(null, null, null, Sizing.DEFAULT).output());
    assertEquals(new PixelSize(512, 1024), plan(null, 512, null, Sizing.DEFAULT).generated());
    assertEquals(new PixelSize(64, 96), plan(null, 70, 101, INEXACT).output());
  }

  @Test
  void inexactSizesAreFlooredAndNotResized() {
    SizePlan plan = plan(new PixelSize(1080, 1920), null, null, INEXACT);
    assertEquals(new PixelSize(1056, 1920), plan.output());
    assertEquals(plan.output(), plan.generated());
    assertNull(plan.scale());
    assertEquals(new PixelSize(128, 96), plan(new PixelSize(70, 101), 130, null, INEXACT).output());
    assertEquals(new PixelSize(32, 32), plan(new PixelSize(5, 20), null, null, INEXACT).output());
  }

  /** Phones' 12 and 48 megapixels, panoramas up to the largest aspect ratio, and a thin source. */
  @ParameterizedTest
  @CsvSource({
    "3024, 4032, 1536, 2048",
    "4032, 3024, 2048, 1536",
    "6048, 8064, 1536, 2048",
    "2001, 3000, 1366, 2048",
    "1000, 3000, 683, 2048",
    "2049, 2049, 2048, 2048",
    "2500, 10000, 512, 2048",
    "2048, 8190, 512, 2048"
  })
  void largeSourcesAreFittedInTheirAspectRatio(int height, int width, int toHeight, int toWidth) {
    SizePlan plan = edit(height, width);
    assertEquals(new PixelSize(toHeight, toWidth), plan.output());
    assertEquals(Math.max(toHeight, toWidth) / (double) Math.max(height, width), plan.scale());
    assertTrue(Math.abs(plan.generated().height() - toHeight) <= 16, plan.toString());
    assertTrue(Math.abs(plan.generated().width() - toWidth) <= 16, plan.toString());
    assertEquals(plan.generated().height(), 32 * plan.firstGrid().rows());
    assertEquals(plan.generated().width(), 32 * plan.firstGrid().columns());

    PixelSize source = new PixelSize(height, width);
    SizePlan upscaled = plan(source, null, null, large(LargeSources.UPSCALE));
    assertEquals(source, upscaled.output());
    assertEquals(plan.generated(), upscaled.generated());
    assertEquals(1.0, upscaled.scale());

    String message =
        assertThrows(
                InvalidRequestException.class,
                () -> plan(source, null, null, large(LargeSources.FAIL)))
            .getMessage();
    assertTrue(
        message.contains("its source image of " + source + " pixels is larger than "), message);
    // A requested size is not that of the source.
    assertEquals(
        new PixelSize(600, 800), plan(source, 600, 800, large(LargeSources.FAIL)).output());
  }

  @Test
  void aFittedSourceHasAtMostTheLargestNumberOfPixels() {
    for (long most = 1024; most < 3_000_000; most = most * 5 / 3) {
      for (int[] side : new int[][] {{3024, 4032}, {4000, 1000}, {1001, 999}, {500, 2000}}) {
        PixelSize fitted = OutputSize.fitted(new PixelSize(side[0], side[1]), 2048, most);
        long pixels = (long) fitted.height() * fitted.width();
        assertTrue(pixels <= most && pixels > 0.85 * Math.min(most, 1_000_000), fitted.toString());
        SmartResize.checkAspect(fitted);
      }
    }
    Sizing million = new Sizing(true, LargeSources.FIT, 1_000_000);
    SizePlan plan = plan(new PixelSize(1500, 1500), null, null, million);
    assertEquals(new PixelSize(1000, 1000), plan.output());
    // The source is read at the grid of the target.
    assertEquals(new Grid(31, 31), plan.firstGrid());
    assertEquals(2 / 3.0, plan.scale(), 1e-12);
  }

  @ParameterizedTest
  @EnumSource(LargeSources.class)
  void aspectRatiosOverTheLimitFail(LargeSources large) {
    for (PixelSize source : List.of(new PixelSize(500, 2001), new PixelSize(8200, 2048))) {
      String message =
          assertThrows(InvalidRequestException.class, () -> plan(source, null, null, large(large)))
              .getMessage();
      if (large != LargeSources.FAIL) {
        assertTrue(message.contains("aspect ratio is 4.00"), message);
      }
    }
  }

  @Test
  void badSizesNameTheRequestAndTheLimits() {
    for (int side : new int[] {-1, 0, 31, 4097}) {
      assertEquals(
          "Cannot edit request r-17: height " + side + " is not between 32 and 4096 pixels",
          assertThrows(InvalidRequestException.class, () -> plan(null, side, null, Sizing.DEFAULT))
              .getMessage());
    }
    assertThrows(
        InvalidRequestException.class, () -> plan(new PixelSize(64, 64), null, 10, Sizing.DEFAULT));
  }

  private static RgbImage image(int height, int width) {
    byte[] pixels = new byte[height * width * 3];
    new java.util.Random(1).nextBytes(pixels);
    return new RgbImage(height, width, pixels);
  }

  private static byte[] pixel(RgbImage image, int y, int x) {
    int at = (y * image.width() + x) * 3;
    return java.util.Arrays.copyOfRange(image.pixels(), at, at + 3);
  }
}
