package io.glmimage.manifest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.UsageException;
import java.math.BigDecimal;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RowReaderTest {
  private static final String FOLDER = "s3a://bucket/in";
  private static final EditDefaults DEFAULTS =
      new EditDefaults(7, 20, 1.5, null, null, 1024L * 1024);

  private static final RowReader READER = new RowReader(DEFAULTS, FOLDER);

  private static Map<ManifestField, Object> row(String prompt, Object paths) {
    Map<ManifestField, Object> row = new EnumMap<>(ManifestField.class);
    row.put(ManifestField.PROMPT, prompt);
    row.put(ManifestField.IMAGE_PATHS, paths);
    return row;
  }

  private static Map<ManifestField, Object> with(ManifestField field, Object value) {
    Map<ManifestField, Object> row = row("p", "a.png");
    row.put(field, value);
    return row;
  }

  private static ManifestRow valid(Map<ManifestField, Object> row) {
    return assertInstanceOf(ManifestRow.class, READER.read(3, "r", FieldValues.of(row)));
  }

  private static String rejected(Map<ManifestField, Object> row) {
    return assertInstanceOf(Rejection.class, READER.read(3, "r-17", FieldValues.of(row))).message();
  }

  @Test
  void missingValuesAreTheDefaults() {
    ManifestRow row = valid(row("make it red", "a.png"));
    assertEquals(3, row.index());
    assertEquals(20, row.settings().steps());
    assertEquals(1.5, row.settings().guidanceScale());
    assertNull(row.settings().height());
    assertEquals(RowIds.seed(7, "r"), row.settings().seed());
    assertEquals(List.of("a.png"), row.imagePaths());
    assertEquals(List.of("s3a://bucket/in/a.png"), row.sources());
  }

  @Test
  void aLineEndInAPathDoesNotHideItsScheme() {
    assertEquals(
        List.of("file:///x/a\nb.png", "s3a://bucket/a\nb.png"),
        valid(row("p", List.of("file:///x/a\nb.png", "/a\nb.png"))).sources());
    assertTrue(rejected(row("p", "http://host/a\nb.png")).contains("not on a Hadoop file system"));
  }

  @Test
  void readsOneSeveralOrNoPaths() {
    assertEquals(List.of(), valid(row("p", null)).sources());
    assertEquals(List.of(), valid(row("p", "  ")).sources());
    assertEquals(List.of(), valid(row("p", List.of())).sources());
    assertEquals(
        List.of("hdfs://nn/x.png", "s3a://bucket/y.png", "s3a://bucket/in/../z z.png"),
        valid(row("p", List.of("hdfs://nn/x.png", "/y.png", "../z z.png"))).sources());
  }

  @Test
  void readsWholeNumbersOfEveryType() {
    for (Object five : List.of((byte) 5, (short) 5, 5, 5L, 5f, 5.0, new BigDecimal("5.00"))) {
      assertEquals(5, valid(with(ManifestField.NUM_INFERENCE_STEPS, five)).settings().steps());
    }
    assertEquals(-3, valid(with(ManifestField.SEED, -3L)).settings().seed());
    assertEquals(Long.MAX_VALUE, valid(with(ManifestField.SEED, Long.MAX_VALUE)).settings().seed());
    assertEquals(1.1, valid(with(ManifestField.GUIDANCE_SCALE, 1.1f)).settings().guidanceScale());
    assertEquals(2.0, valid(with(ManifestField.GUIDANCE_SCALE, 2)).settings().guidanceScale());
  }

  @Test
  void rejectsNumbersThatAreNotWhole() {
    assertEquals(
        "Cannot edit row r-17: height is 128.5, expected a whole number",
        rejected(with(ManifestField.HEIGHT, 128.5)));
    assertTrue(rejected(with(ManifestField.SEED, Double.NaN)).contains("seed is NaN"));
    assertTrue(rejected(with(ManifestField.SEED, 1e300)).contains("expected a whole number"));
    assertTrue(rejected(with(ManifestField.SEED, new BigDecimal("1e30"))).contains("whole number"));
  }

  @Test
  void rejectsValuesOutOfRange() {
    assertEquals(
        "Cannot edit row r-17: num_inference_steps is 0, expected 1 to 1000 steps",
        rejected(with(ManifestField.NUM_INFERENCE_STEPS, 0)));
    assertTrue(
        rejected(with(ManifestField.WIDTH, 31))
            .contains("width is 31, expected 32 to 4096 pixels"));
    assertTrue(rejected(with(ManifestField.WIDTH, 4097)).contains("expected 32 to 4096 pixels"));
    assertTrue(rejected(with(ManifestField.HEIGHT, 1_000_000)).contains("height is 1000000"));
    assertTrue(rejected(with(ManifestField.HEIGHT, -5_000_000_000.0)).contains("expected 32 to"));
    assertTrue(
        rejected(with(ManifestField.GUIDANCE_SCALE, Double.NaN)).contains("guidance_scale is NaN"));
    Map<ManifestField, Object> large = with(ManifestField.HEIGHT, 2048);
    large.put(ManifestField.WIDTH, 1024);
    assertTrue(rejected(large).contains("1024 x 2048 has 2097152 pixels, more than 1048576"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", " ", "\n\t"})
  void rejectsEmptyPrompts(String prompt) {
    assertTrue(rejected(row(prompt, "a.png")).contains("its prompt is empty"));
    assertTrue(rejected(row(null, "a.png")).contains("its prompt is empty"));
  }

  @Test
  void rejectsPathsThatCannotBeFiles() {
    assertTrue(
        rejected(row("p", "http://169.254.169.254/x")).contains("not on a Hadoop file system"));
    String credentials = rejected(row("p", "s3a://KEY:se/cret@bucket/x.png"));
    assertTrue(
        credentials.contains("a path with credentials, s3a://***@bucket/x.png"), credentials);
    assertTrue(rejected(row("p", List.of("a.png", ""))).contains("an empty path"));
    String lacking = rejected(row("p", "image/png;base64," + "iVBORw0KGgo/".repeat(9)));
    assertTrue(lacking.contains("a data URL without its scheme (write data: before"), lacking);
    assertTrue(lacking.length() < 300, lacking);
  }

  @Test
  void problemsOfTheFileRejectTheRow() {
    FieldValues unreadable =
        new FieldValues() {
          @Override
          public Object value(ManifestField field) {
            return null;
          }

          @Override
          public String problem() {
            return "line 3 of rows is not JSON";
          }
        };
    RowOutcome outcome = READER.read(2, "r", unreadable);
    assertEquals(
        "Cannot edit row r: line 3 of rows is not JSON",
        assertInstanceOf(Rejection.class, outcome).message());
    assertEquals(List.of(), outcome.imagePaths());
    assertNotEquals(READER.key(FieldValues.of(Map.of())), READER.key(unreadable));
  }

  private static String key(Map<ManifestField, Object> row) {
    return READER.key(FieldValues.of(row));
  }

  @Test
  void rowsGiveTheirIdsThemselves() {
    assertEquals("x", key(with(ManifestField.ID, "x")));
    assertEquals("12", key(with(ManifestField.ID, 12L)));
    assertEquals("12", key(with(ManifestField.ID, new BigDecimal("12"))));
    assertTrue(READER.namesItself(FieldValues.of(with(ManifestField.ID, "x"))));
    assertFalse(READER.namesItself(FieldValues.of(with(ManifestField.ID, " "))));
  }

  @Test
  void otherRowsGetIdsFromTheirContent() {
    String key = key(row("p", "a.png"));
    assertTrue(key.matches("row-[0-9a-f]{20}"), key);
    assertEquals(key, key(row("p", List.of("a.png"))));
    assertNotEquals(key, key(row("p", "b.png")));
    assertNotEquals(key, key(with(ManifestField.SEED, 1)));
    assertEquals(key(with(ManifestField.SEED, 1)), key(with(ManifestField.SEED, 1L)));
    assertNotEquals(key(row("p", List.of("a", "b"))), key(row("p", List.of("a b"))));
    assertNotEquals(key(with(ManifestField.HEIGHT, 64)), key(with(ManifestField.WIDTH, 64)));
  }

  @Test
  void refusesDefaultsOutOfRange() {
    String steps =
        assertThrows(UsageException.class, () -> new EditDefaults(0, -1, 1, null, null, 1 << 20))
            .getMessage();
    assertEquals("Invalid --steps: -1, expected 1 to 1000 steps", steps);
    assertThrows(UsageException.class, () -> new EditDefaults(0, 1, -0.1, null, null, 1 << 20));
    assertThrows(UsageException.class, () -> new EditDefaults(0, 1, 1, 16, null, 1 << 20));
    assertThrows(UsageException.class, () -> new EditDefaults(0, 1, 1, 2048, 2048, 1 << 20));
    assertThrows(UsageException.class, () -> new EditDefaults(0, 1, 1, null, null, 10));
  }
}
