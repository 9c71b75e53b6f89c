package io.glmimage.manifest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.request.Solver;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class RowIdsTest {
  @Test
  void idsOfImagesAreStableAndReadable() {
    String id = RowIds.ofImage("cats/été 1.png", "p", null);
    assertEquals(id, RowIds.ofImage("cats/été 1.png", "p", null));
    assertTrue(id.matches("cats-été-1-[0-9a-f]{16}"), id);
    assertNotEquals(id, RowIds.ofImage("cats/été 2.png", "p", null));
    assertNotEquals(id, RowIds.ofImage("cats/été 1.png", "q", null));
    assertNotEquals(id, RowIds.ofImage("cats/été 1.png", "p", 0L));
    assertTrue(RowIds.ofImage("日本.png", "p", 0L).startsWith("日本-"));
    assertTrue(RowIds.ofImage("Фото/мост.JPG", "p", null).startsWith("Фото-мост-"));
    assertTrue(RowIds.ofImage("?.png", "p", null).startsWith("image-"));
    // ASCII names keep the ids that they had when only these were kept.
    assertEquals("a-b-IMG-0001-5766bc83c40d7ede", RowIds.ofImage("a b/IMG_0001.jpeg", "", 1L));
    String long0 = RowIds.ofImage("\uD83C\uDF09".repeat(30) + "\uD840\uDC00".repeat(30), "p", null);
    assertTrue(long0.matches("(\uD840\uDC00){24}-[0-9a-f]{16}"), long0);
    String odd = RowIds.ofImage("\uD840\uDC00".repeat(30) + "x.png", "p", null);
    assertTrue(odd.matches("(\uD840\uDC00){23}x-[0-9a-f]{16}"), odd);
  }

  @Test
  void copiesOfARowAreNumbered() {
    assertEquals("row-1", RowIds.numbered("row-1", 1));
    assertEquals("row-1-3", RowIds.numbered("row-1", 3));
  }

  @Test
  void derivedSeedsDependOnJobSeedAndIdOnly() {
    assertEquals(RowIds.seed(1, "a"), RowIds.seed(1, "a"));
    assertNotEquals(RowIds.seed(1, "a"), RowIds.seed(2, "a"));
    assertNotEquals(RowIds.seed(1, "a"), RowIds.seed(1, "b"));
    for (int i = 0; i < 1000; i++) {
      long seed = RowIds.seed(i, "row");
      assertEquals(seed, (long) (double) seed);
      assertTrue(seed >= 0);
    }
  }

  private static ManifestRow with(ManifestRow row, Solver solver) {
    EditSettings own = row.settings();
    EditSettings settings =
        new EditSettings(
            own.height(),
            own.width(),
            own.steps(),
            own.guidanceScale(),
            own.seed(),
            own.stepCache(),
            solver,
            own.sizing());
    return new ManifestRow(
        row.index(), row.id(), row.prompt(), row.imagePaths(), row.sources(), settings);
  }

  /** Later versions must give these values too: runs resume, and images stay the same. */
  @Test
  void idsAndFingerprintsStayTheSame() {
    Map<ManifestField, Object> fields =
        Map.of(
            ManifestField.PROMPT, "make it red", ManifestField.IMAGE_PATHS, List.of("a.png", "b"));
    assertEquals("row-fbeba283802af4c06b6b", RowIds.ofFields(fields));
    assertEquals(7316863787424825L, RowIds.seed(7, "r-1"));
    ManifestRow row =
        new ManifestRow(
            3,
            "r-1",
            "make it red",
            List.of("a.png"),
            List.of("/m/a.png"),
            new EditSettings(64, null, 20, 1.5, 7, 0));
    assertEquals(
        "28576009513d823a2ed744880024b8f541278d02bf8d361b5c82a62508cf2edb",
        RowFingerprint.of(row, "model"));
    assertNotEquals(
        RowFingerprint.of(row, "model"), RowFingerprint.of(with(row, Solver.MULTISTEP2), "model"));
    Rejection rejection = new Rejection(3, "r-1", null, List.of(), "Cannot edit row r-1: why");
    assertEquals(
        "6ce6453382004c82c411939ca4fcac182a1687d63dfb532c5a4dbe5ec0f3e857",
        RowFingerprint.of(rejection, "model"));
  }
}
