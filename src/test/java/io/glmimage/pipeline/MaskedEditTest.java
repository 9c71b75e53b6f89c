package io.glmimage.pipeline;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.image.Mask;
import io.glmimage.image.RgbImage;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import io.glmimage.request.Sizing;
import io.glmimage.request.Solver;
import io.glmimage.tensor.Compute;
import io.glmimage.weights.CheckpointFolder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** With a mask, the requested region of a drawn scene changes, and the rest is identical. */
class MaskedEditTest {
  private static GlmImagePipeline pipeline;

  @BeforeAll
  static void load() {
    Path model = Path.of("src/main/resources/models/glm-image-tiny");
    pipeline = GlmImagePipeline.load(CheckpointFolder.open(model), Compute.cpu());
  }

  @AfterAll
  static void close() {
    pipeline.close();
  }

  /** A blue square on the left and on the right of a yellow background. */
  private static RgbImage scene(int height, int width) {
    byte[] pixels = new byte[height * width * 3];
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        int fromCentre = Math.abs(x % (width / 2) - width / 4);
        boolean inside = fromCentre < width / 9 && Math.abs(y - height / 2) < height / 5;
        int[] colour = Scene.PALETTE.get(inside ? "blue" : "yellow");
        for (int c = 0; c < 3; c++) {
          pixels[(y * width + x) * 3 + c] = (byte) colour[c];
        }
      }
    }
    return new RgbImage(height, width, pixels);
  }

  private static Mask rightHalf(int height, int width) {
    boolean[] edited = new boolean[height * width];
    for (int y = 0; y < height; y++) {
      Arrays.fill(edited, y * width + width / 2, (y + 1) * width, true);
    }
    return new Mask(height, width, edited);
  }

  private static EditResult edit(String prompt, RgbImage source, Mask mask) {
    return edit(prompt, source, mask, 20, Solver.EULER);
  }

  private static EditResult edit(
      String prompt, RgbImage source, Mask mask, int steps, Solver solver) {
    List<RgbImage> sources = source == null ? List.of() : List.of(source);
    EditRequest request =
        new EditRequest(
            "m", prompt, sources, null, null, steps, 1.5, 4, 0, solver, Sizing.DEFAULT, mask);
    return pipeline.edit(List.of(request)).get(0);
  }

  /** The name of the colour of the background between the top edge and a square. */
  private static String background(RgbImage image, boolean right) {
    double[] mean = new double[3];
    int x = image.width() / 4 + (right ? image.width() / 2 : 0);
    int rows = image.height() / 6;
    for (int y = 0; y < rows; y++) {
      for (int c = 0; c < 3; c++) {
        mean[c] += (image.pixels()[(y * image.width() + x) * 3 + c] & 255) / (double) rows;
      }
    }
    return Scene.nearest(mean);
  }

  @Test
  void theRegionOfTheMaskChangesAndTheRestIsIdentical() {
    // The second size is not one of whole tokens.
    for (int[] size : new int[][] {{128, 128}, {120, 150}}) {
      RgbImage source = scene(size[0], size[1]);
      Mask mask = rightHalf(size[0], size[1]);
      EditResult result = edit("Change the background to green", source, mask);
      assertNull(result.error());
      RgbImage out = result.image();
      assertEquals(List.of(size[0], size[1]), List.of(out.height(), out.width()));
      for (int i = 0; i < mask.edited().length; i++) {
        if (!mask.edited()[i]) {
          assertArrayEquals(
              Arrays.copyOfRange(source.pixels(), 3 * i, 3 * i + 3),
              Arrays.copyOfRange(out.pixels(), 3 * i, 3 * i + 3));
        }
      }
      assertEquals("yellow", background(out, false));
      assertEquals("green", background(out, true));
      RgbImage without = edit("Change the background to green", source, null).image();
      assertEquals("green", background(without, false));
    }
  }

  @Test
  void aMaskHoldsTheRestWithEverySolver() {
    RgbImage source = scene(128, 128);
    Mask mask = rightHalf(128, 128);
    String prompt = "Change the background to green";
    RgbImage euler = edit(prompt, source, mask, 50, Solver.EULER).image();
    RgbImage second = edit(prompt, source, mask, 10, Solver.MULTISTEP2).image();
    double decibels = Likeness.decibels(euler.pixels(), second.pixels());
    assertTrue(decibels > 45, decibels + " dB");
    for (int i = 0; i < mask.edited().length; i++) {
      if (!mask.edited()[i]) {
        assertEquals(source.pixels()[3 * i], second.pixels()[3 * i]);
      }
    }
    assertEquals("green", background(second, true));
  }

  @Test
  void aMaskThatCannotBeUsedFailsTheRequest() {
    RgbImage source = scene(64, 64);
    assertFails("it is 32 x 64 pixels", edit("p", source, rightHalf(64, 32)));
    assertFails("is empty", edit("p", source, new Mask(64, 64, new boolean[64 * 64])));
    assertFails("no source image", edit("p", null, rightHalf(64, 64)));
  }

  private static void assertFails(String reason, EditResult result) {
    String message = result.error().getMessage();
    assertTrue(message.startsWith("Cannot edit request m: ") && message.contains(reason), message);
  }
}
