package io.glmimage.pipeline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.image.PixelSize;
import io.glmimage.image.Resampler;
import io.glmimage.image.RgbImage;
import io.glmimage.model.processor.SizePlan;
import io.glmimage.model.vae.Pixels;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import io.glmimage.request.LargeSources;
import io.glmimage.request.Sizing;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.TensorScope;
import io.glmimage.weights.CheckpointFolder;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * Edits stay where their sources are. A grid of marks is drawn on sources of awkward sizes, and the
 * marks are found again by their centres of mass.
 *
 * <p>Resizing to the grid and back is measured alone, and with the image autoencoder between them.
 * The autoencoder of the tiny model moves marks of this size by up to half a pixel on its own, also
 * where nothing is resized.
 *
 * <p>The marks are measured through the geometry of an edit. The source is resized to the
 * processor's grid and goes through the image autoencoder. The result is resized back. The tiny
 * model itself was trained on single large shapes; with it, one large mark is followed through
 * whole edits that are told to do nothing.
 */
class AlignmentTest {
  private static final Path MODEL = Path.of("src/main/resources/models/glm-image-tiny");
  private static final double LIMIT = 0.5;

  /** Without the autoencoder, whose own errors do not depend on sizes. */
  private static final double GEOMETRY_LIMIT = 0.05;

  /** Height and width. None has two sides that are multiples of 32. */
  private static final int[][] SIZES = {
    {108, 192}, {80, 60}, {50, 50}, {100, 100}, {135, 240}, {144, 256}, {99, 101}, {75, 133},
    {200, 150}, {111, 222}, {333, 250}, {77, 300}, {48, 64}, {31, 90}, {177, 64}, {240, 135},
    {65, 65}, {95, 97}, {127, 129}, {113, 71}, {210, 297}, {240, 427}, {120, 160}, {90, 160},
    {73, 41}, {159, 161}, {47, 49}, {112, 200}, {300, 77}, {80, 240}
  };

  private static GlmImagePipeline pipeline;

  @BeforeAll
  static void load() {
    pipeline = GlmImagePipeline.load(CheckpointFolder.open(MODEL), Compute.cpu());
  }

  @AfterAll
  static void close() {
    pipeline.close();
  }

  /** Resizing to the grid and back has no offset, such as one of half a pixel. */
  @Test
  void resizingMovesNothing() {
    double worst = 0;
    double[] sum = new double[2];
    int count = 0;
    for (int[] size : SIZES) {
      Marks marks = new Marks(size[0], size[1], 7);
      SizePlan plan = pipeline.prepare(request(marks.image(), Sizing.DEFAULT)).sizes();
      RgbImage out =
          plan.finish(
              Resampler.lanczos(
                  marks.image(), plan.generated().height(), plan.generated().width()));
      double moved = marks.largestMove(out);
      worst = Math.max(worst, moved);
      assertTrue(
          moved < GEOMETRY_LIMIT,
          () -> String.format(Locale.ROOT, "%d x %d: moved by %.3f", size[1], size[0], moved));
      for (double[] move : marks.moves(out, 1)) {
        sum[0] += move[0];
        sum[1] += move[1];
        count++;
      }
    }
    System.out.printf(
        "alignment  resizing alone, %d sizes: a mark moves by at most %.3f px, all together by"
            + " %.4f and %.4f px%n",
        SIZES.length, worst, sum[0] / count, sum[1] / count);
    assertEquals(0, sum[0] / count, 0.005);
    assertEquals(0, sum[1] / count, 0.005);
  }

  @Test
  void marksDoNotMoveByHalfAPixel() {
    double worst = 0;
    double worstMean = 0;
    for (int[] size : SIZES) {
      Marks marks = new Marks(size[0], size[1], 7);
      RgbImage out = doNothing(marks.image(), Sizing.DEFAULT, true);
      assertEquals(List.of(size[0], size[1]), List.of(out.height(), out.width()));
      double moved = marks.largestMove(out);
      worst = Math.max(worst, moved);
      worstMean = Math.max(worstMean, marks.meanMove(out, 1));
      assertTrue(
          moved < LIMIT,
          () -> String.format(Locale.ROOT, "%d x %d: moved by %.3f", size[1], size[0], moved));
    }
    System.out.printf(
        "alignment  %d sizes: a mark moves by at most %.3f px, all marks of a size together by at most"
            + " %.3f px%n",
        SIZES.length, worst, worstMean);
  }

  /** The measurement finds the shift that an image has whose target has another grid. */
  @Test
  void withAnotherGridMarksMove() {
    Marks marks = new Marks(112, 200, 7);
    Sizing inexact = new Sizing(false, LargeSources.FIT, Sizing.DEFAULT_MAX_PIXELS);
    RgbImage floored = doNothing(marks.image(), inexact, false);
    assertEquals(List.of(96, 192), List.of(floored.height(), floored.width()));
    assertTrue(marks.largestMove(floored) > 2);
  }

  @Test
  void marksOnLargeSourcesAreWhereTheScaleSays() {
    for (int[] size : new int[][] {{1300, 401}, {777, 1555}}) {
      Marks marks = new Marks(size[0], size[1], 14);
      EditRequest request = request(marks.image(), Sizing.DEFAULT);
      SizePlan plan = pipeline.prepare(request).sizes();
      RgbImage out = doNothing(marks.image(), Sizing.DEFAULT, true);
      assertEquals(1024, Math.max(out.height(), out.width()));
      double moved = marks.largestMove(out, plan.scale());
      System.out.printf(
          "alignment  %d x %d, scale %.3f: %.3f px, together %.3f px%n",
          size[1], size[0], plan.scale(), moved, marks.meanMove(out, plan.scale()));
      assertTrue(moved < LIMIT, "moved by " + moved);
    }
  }

  /** Whole edits: the latents come from noise, and the prompt asks for nothing. */
  @Test
  void aWholeEditLeavesAMarkInItsPlace() {
    for (int[] size : new int[][] {{108, 150}, {120, 135}, {141, 110}}) {
      RgbImage source = Marks.square(size[0], size[1]);
      EditResult result =
          pipeline
              .edit(
                  List.of(
                      new EditRequest(
                          "nothing", "do nothing", List.of(source), null, null, 12, 1.5, 3)))
              .get(0);
      assertNull(result.error());
      double[] before = Marks.centre(source, 0, 0, size[0], size[1]);
      double[] after = Marks.centre(result.image(), 0, 0, size[0], size[1]);
      double moved = Math.hypot(before[0] - after[0], before[1] - after[1]);
      System.out.printf("alignment  whole edit of %d x %d: %.3f px%n", size[1], size[0], moved);
      assertTrue(moved < LIMIT, "moved by " + moved);
    }
  }

  private static EditRequest request(RgbImage source, Sizing sizing) {
    return new EditRequest("r", "", List.of(source), null, null, 1, 1, 0, 0, sizing);
  }

  /**
   * An edit that changes nothing: what the model would generate at best, at the planned sizes.
   *
   * @param sameGrid whether the target has the grid of the source; otherwise, as the model does,
   *     tokens keep their places and the grid is cut
   */
  private static RgbImage doNothing(RgbImage source, Sizing sizing, boolean sameGrid) {
    SizePlan plan = pipeline.prepare(request(source, sizing)).sizes();
    int height = plan.firstGrid().rows() * 32;
    int width = plan.firstGrid().columns() * 32;
    assertEquals(sameGrid, plan.generated().equals(new PixelSize(height, width)));
    try (TensorScope scope = new TensorScope()) {
      RgbImage resized = Resampler.lanczos(source, height, width);
      Tensor latents =
          pipeline.vae().encode(Pixels.toTensor(List.of(resized), Compute.cpu())).select(0, 0);
      int scale = pipeline.vae().scaleFactor();
      Tensor kept =
          latents
              .narrow(1, 0, plan.generated().height() / scale)
              .narrow(2, 0, plan.generated().width() / scale)
              .contiguous();
      return plan.finish(pipeline.decode(kept));
    }
  }
}
