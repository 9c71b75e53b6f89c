package io.glmimage.spark.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.image.RgbImage;
import io.glmimage.quality.QualityOptions;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class FlaggedRetriesTest {
  private static final RgbImage SOURCE = halves(0, 255);
  private static final RgbImage RIGHT = halves(0, 120);

  /** The rows that the engine got. */
  private final List<EditRequest> edited = new ArrayList<>();

  /** Results by seed; other seeds give the source image. */
  private final Map<Long, EditResult> results = new HashMap<>();

  /** An image whose left and right halves have these grey levels. */
  private static RgbImage halves(int left, int right) {
    byte[] pixels = new byte[32 * 32 * 3];
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = (byte) (i / 3 % 32 < 16 ? left : right);
    }
    return new RgbImage(32, 32, pixels);
  }

  private static EditRequest request(String id, long seed) {
    return new EditRequest(id, "p", List.of(SOURCE), null, null, 3, 1.5, seed);
  }

  private static EditResult result(RgbImage image) {
    return new EditResult("any", image, null, 0, 0, 0);
  }

  /** What is kept of a row. */
  private record Outcome(EditResult best, double seconds, long seed) {}

  /** Edits a row, with at most so many retries. */
  private Outcome edit(EditRequest request, int most) {
    RowPipeline.Step<Outcome> step =
        new FlaggedRetries(new QualityOptions(QualityOptions.DEFAULT.limits(), most, false, false))
            .first(request, Outcome::new);
    while (step instanceof RowPipeline.Ready<Outcome> ready) {
      edited.add(ready.request());
      EditResult result = results.getOrDefault(ready.request().seed(), result(SOURCE));
      step = ready.completion().complete(result, 2);
    }
    return ((RowPipeline.Finished<Outcome>) step).result();
  }

  @Test
  void onlyAFlaggedRowIsEditedAgainUntilItHasNoFlag() {
    results.put(1L, result(RIGHT));
    results.put(FlaggedRetries.seed(2, 1), result(RIGHT));
    results.put(FlaggedRetries.seed(3, 2), result(RIGHT));
    assertEquals(new Outcome(results.get(1L), 2, 1), edit(request("a", 1), 5));
    Outcome b = edit(request("b", 2), 5);
    assertSame(RIGHT, b.best().image());
    assertEquals(FlaggedRetries.seed(2, 1), b.seed());
    assertEquals(4, b.seconds());
    Outcome c = edit(request("c", 3), 5);
    assertSame(RIGHT, c.best().image());
    assertEquals(FlaggedRetries.seed(3, 2), c.seed());
    assertEquals(
        List.of("a", "b", "b", "c", "c", "c"), edited.stream().map(EditRequest::id).toList());
  }

  @Test
  void theBestImageIsKeptIfAllAreFlagged() {
    RgbImage flat = halves(9, 9);
    results.put(1L, result(flat));
    results.put(FlaggedRetries.seed(1, 1), result(SOURCE));
    results.put(FlaggedRetries.seed(1, 2), result(flat));
    results.put(FlaggedRetries.seed(1, 3), EditResult.failed("any", new RuntimeException("no")));
    Outcome outcome = edit(request("a", 1), 3);
    assertSame(SOURCE, outcome.best().image());
    assertEquals(FlaggedRetries.seed(1, 1), outcome.seed());
    assertEquals(8, outcome.seconds());
    assertEquals(4, edited.size());
  }

  @Test
  void theEarliestOfEqualImagesIsKept() {
    EditResult first = result(SOURCE);
    results.put(1L, first);
    assertEquals(new Outcome(first, 6, 1), edit(request("a", 1), 2));
  }

  @Test
  void aRowThatFailedIsNotTriedAgain() {
    EditResult failed = EditResult.failed("any", new RuntimeException("no"));
    results.put(1L, failed);
    assertEquals(new Outcome(failed, 2, 1), edit(request("a", 1), 4));
    assertEquals(1, edited.size());
  }

  @Test
  void withoutRetriesAFlaggedImageIsKept() {
    EditResult first = result(SOURCE);
    results.put(1L, first);
    assertEquals(new Outcome(first, 2, 1), edit(request("a", 1), 0));
  }

  @Test
  void theSeedsOfRetriesDependOnTheRowsSeedOnly() {
    // Stored result rows name these seeds: they must never change.
    assertEquals(3448724564836504L, FlaggedRetries.seed(0, 1));
    assertEquals(FlaggedRetries.seed(7, 2), FlaggedRetries.seed(7, 2));
    assertTrue(FlaggedRetries.seed(7, 1) != FlaggedRetries.seed(7, 2));
    assertTrue(FlaggedRetries.seed(7, 1) != FlaggedRetries.seed(8, 1));
  }
}
