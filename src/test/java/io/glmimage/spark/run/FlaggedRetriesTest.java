package io.glmimage.spark.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.image.RgbImage;
import io.glmimage.quality.QualityOptions;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import io.glmimage.spark.engine.EngineCall;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class FlaggedRetriesTest {
  private static final RgbImage SOURCE = halves(0, 255);
  private static final RgbImage RIGHT = halves(0, 120);

  /** The batches that the engine got. */
  private final List<List<EditRequest>> batches = new ArrayList<>();

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

  private EngineCall engine(List<EditRequest> requests) {
    batches.add(requests);
    return new EngineCall(
        requests.stream().map(r -> results.getOrDefault(r.seed(), result(SOURCE))).toList(), 2);
  }

  private FlaggedRetries retries(int most) {
    QualityOptions defaults = QualityOptions.DEFAULT;
    return new FlaggedRetries(
        new QualityOptions(defaults.limits(), most, false, false), this::engine);
  }

  private static List<String> ids(List<EditRequest> requests) {
    return requests.stream().map(EditRequest::id).toList();
  }

  @Test
  void onlyFlaggedRowsAreEditedAgainUntilTheyHaveNoFlag() {
    results.put(1L, result(RIGHT));
    results.put(FlaggedRetries.seed(2, 1), result(RIGHT));
    results.put(FlaggedRetries.seed(3, 2), result(RIGHT));
    List<EditRequest> requests = List.of(request("a", 1), request("b", 2), request("c", 3));
    FlaggedRetries retries = retries(5);
    EngineCall call = retries.best(requests, engine(requests));
    assertEquals(
        List.of(List.of("a", "b", "c"), List.of("b", "c"), List.of("c")),
        batches.stream().map(FlaggedRetriesTest::ids).toList());
    for (EditResult result : call.results()) {
      assertSame(RIGHT, result.image());
    }
    assertEquals(6, call.seconds());
    assertNull(retries.takeKeptSeed("a"));
    assertEquals(FlaggedRetries.seed(2, 1), retries.takeKeptSeed("b"));
    assertEquals(FlaggedRetries.seed(3, 2), retries.takeKeptSeed("c"));
    assertNull(retries.takeKeptSeed("c"));
  }

  @Test
  void theBestImageIsKeptIfAllAreFlagged() {
    RgbImage flat = halves(9, 9);
    results.put(1L, result(flat));
    results.put(FlaggedRetries.seed(1, 1), result(SOURCE));
    results.put(FlaggedRetries.seed(1, 2), result(flat));
    results.put(FlaggedRetries.seed(1, 3), EditResult.failed("any", new RuntimeException("no")));
    List<EditRequest> requests = List.of(request("a", 1));
    FlaggedRetries retries = retries(3);
    assertSame(SOURCE, retries.best(requests, engine(requests)).results().get(0).image());
    assertEquals(FlaggedRetries.seed(1, 1), retries.takeKeptSeed("a"));
    assertEquals(4, batches.size());
  }

  @Test
  void theEarliestOfEqualImagesIsKept() {
    List<EditRequest> requests = List.of(request("a", 1));
    EngineCall first = engine(requests);
    FlaggedRetries retries = retries(2);
    assertSame(first.results().get(0), retries.best(requests, first).results().get(0));
    assertNull(retries.takeKeptSeed("a"));
  }

  @Test
  void aRowThatFailedIsNotTriedAgain() {
    results.put(1L, EditResult.failed("any", new RuntimeException("no")));
    List<EditRequest> requests = List.of(request("a", 1));
    EngineCall first = engine(requests);
    assertEquals(first.results(), retries(4).best(requests, first).results());
    assertEquals(1, batches.size());
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
