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
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RowReaderTest {
  private static final String FOLDER = "s3a://bucket/in";
  private static final EditDefaults DEFAULTS =
      new EditDefaults(7, 20, 1.5, null, null, 1024L * 1024);

  /** Columns in the order of the fields, all there. */
  private static RowReader reader(EditDefaults defaults) {
    List<ManifestColumn> columns =
        Arrays.stream(ManifestField.values())
            .map(
                f ->
                    new ManifestColumn(
                        f.column(),
                        switch (f) {
                          case PROMPT, IMAGE_PATHS, ID -> ColumnKind.TEXT;
                          default -> ColumnKind.FLOATING;
                        },
                        "t"))
            .toList();
    return new RowReader(
        ManifestSchema.bind(columns, new ManifestOptions("m", Map.of(), List.of()), List.of()),
        defaults,
        FOLDER);
  }

  private static int at(ManifestField field) {
    return List.of(ManifestField.values()).indexOf(field);
  }

  private static Object[] row(String prompt, Object paths) {
    Object[] row = new Object[ManifestField.values().length];
    row[at(ManifestField.PROMPT)] = prompt;
    row[at(ManifestField.IMAGE_PATHS)] = paths;
    return row;
  }

  private static Object[] with(ManifestField field, Object value) {
    Object[] row = row("p", "a.png");
    row[at(field)] = value;
    return row;
  }

  private static ManifestRow valid(Object[] row) {
    return assertInstanceOf(ManifestRow.class, reader(DEFAULTS).read(3, "r", row));
  }

  private static String rejected(Object[] row) {
    return assertInstanceOf(Rejection.class, reader(DEFAULTS).read(3, "r-17", row)).message();
  }

  @Test
  void missingValuesAreTheDefaults() {
    ManifestRow row = valid(row("make it red", "a.png"));
    assertEquals(3, row.index());
    assertEquals(20, row.steps());
    assertEquals(1.5, row.guidanceScale());
    assertNull(row.height());
    assertEquals(RowIds.seed(7, "r"), row.seed());
    assertEquals(List.of("a.png"), row.imagePaths());
    assertEquals(List.of("s3a://bucket/in/a.png"), row.sources());
  }

  @Test
  void readsOnePathAndManyAndNone() {
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
      assertEquals(5, valid(with(ManifestField.NUM_INFERENCE_STEPS, five)).steps());
    }
    assertEquals(-3, valid(with(ManifestField.SEED, -3L)).seed());
    assertEquals(Long.MAX_VALUE, valid(with(ManifestField.SEED, Long.MAX_VALUE)).seed());
    assertEquals(1.1, valid(with(ManifestField.GUIDANCE_SCALE, 1.1f)).guidanceScale());
    assertEquals(2.0, valid(with(ManifestField.GUIDANCE_SCALE, 2)).guidanceScale());
  }

  @Test
  void rejectsWhatIsNoWholeNumber() {
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
    assertTrue(rejected(with(ManifestField.WIDTH, 31)).contains("width is 31, expected 32 to"));
    assertTrue(rejected(with(ManifestField.HEIGHT, 1_000_000)).contains("height is 1000000"));
    assertTrue(rejected(with(ManifestField.HEIGHT, -5_000_000_000.0)).contains("expected 32 to"));
    assertTrue(
        rejected(with(ManifestField.GUIDANCE_SCALE, Double.NaN)).contains("guidance_scale is NaN"));
    Object[] large = with(ManifestField.HEIGHT, 2048);
    large[at(ManifestField.WIDTH)] = 1024;
    assertTrue(rejected(large).contains("2048 x 1024 has 2097152 pixels, more than 1048576"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", " ", "\n\t"})
  void rejectsEmptyPrompts(String prompt) {
    assertTrue(rejected(row(prompt, "a.png")).contains("its prompt is empty"));
    assertTrue(rejected(row(null, "a.png")).contains("its prompt is empty"));
  }

  @Test
  void rejectsPathsThatAreNoFiles() {
    assertTrue(
        rejected(row("p", "http://169.254.169.254/x")).contains("not on a Hadoop file system"));
    assertTrue(rejected(row("p", List.of("a.png", ""))).contains("an empty path"));
  }

  @Test
  void rowsNameThemselvesOrAreNamedByContent() {
    RowReader reader = reader(DEFAULTS);
    assertEquals("x", reader.key(with(ManifestField.ID, "x")));
    assertEquals("12", reader.key(with(ManifestField.ID, 12L)));
    assertEquals("12", reader.key(with(ManifestField.ID, new BigDecimal("12"))));
    assertTrue(reader.namesItself(with(ManifestField.ID, "x")));
    assertFalse(reader.namesItself(with(ManifestField.ID, " ")));
    String key = reader.key(row("p", "a.png"));
    assertTrue(key.matches("row-[0-9a-f]{20}"), key);
    assertEquals(key, reader.key(row("p", List.of("a.png"))));
    assertNotEquals(key, reader.key(row("p", "b.png")));
    assertNotEquals(key, reader.key(with(ManifestField.SEED, 1)));
    assertEquals(reader.key(with(ManifestField.SEED, 1)), reader.key(with(ManifestField.SEED, 1L)));
    assertNotEquals(reader.key(row("p", List.of("a", "b"))), reader.key(row("p", List.of("a b"))));
    assertNotEquals(
        reader.key(with(ManifestField.HEIGHT, 64)), reader.key(with(ManifestField.WIDTH, 64)));
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
