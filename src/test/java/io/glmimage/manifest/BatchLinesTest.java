package io.glmimage.manifest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.StringReader;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class BatchLinesTest {
  private static List<TextRow> rows(String text) throws IOException {
    List<TextRow> rows = new ArrayList<>();
    TextRows.batch(new StringReader(text), "/m/rows", new ManifestOptions("m", Map.of(), List.of()))
        .forEachRemaining(rows::add);
    return rows;
  }

  private static final String EDIT =
      "{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":\"/v1/images/edits\",\"body\":";

  private static TextRow row(String line) throws IOException {
    return rows(line).get(0);
  }

  @Test
  void aLineThatAsksForSeveralImagesBecomesSeveralRows() throws IOException {
    List<TextRow> rows =
        rows(
            EDIT
                + "{\"model\":\"m\",\"image\":\"s3a://b/x.png\",\"prompt\":\"p\","
                + "\"size\":\"1024x1536\",\"n\":2,\"seed\":40,\"num_inference_steps\":9}}");
    assertEquals(2, rows.size());
    assertEquals("a#1", rows.get(0).value(ManifestField.ID));
    assertEquals("a#2", rows.get(1).value(ManifestField.ID));
    assertEquals(41L, rows.get(1).value(ManifestField.SEED));
    assertEquals(1024L, rows.get(1).value(ManifestField.WIDTH));
    assertEquals(1536L, rows.get(1).value(ManifestField.HEIGHT));
    assertEquals(9L, rows.get(1).value(ManifestField.NUM_INFERENCE_STEPS));
    assertEquals(2L, rows.get(1).other("batch_picture"));
    assertEquals(2L, rows.get(1).other("batch_pictures"));
  }

  @Test
  void fieldsThatSayTheSameDoNotContradict() throws IOException {
    List<TextRow> rows =
        rows(
            EDIT
                + "{\"prompt\":\"p\",\"image\":\"x\",\"images\":[\"x\"],\"size\":\"64x96\",\"width\":64,"
                + "\"n\":2,\"seed\":9223372036854775806}}");
    assertNull(rows.get(0).problem());
    assertEquals(List.of("x"), rows.get(0).value(ManifestField.IMAGE_PATHS));
    assertEquals(96L, rows.get(0).value(ManifestField.HEIGHT));
    assertEquals(Long.MAX_VALUE, rows.get(1).value(ManifestField.SEED));
  }

  @Test
  void readsImagesInEveryForm() throws IOException {
    TextRow row =
        row(
            EDIT
                + "{\"images\":[{\"image_url\":\"data:image/png;base64,AAAA\"},"
                + "{\"image_url\":{\"url\":\"y.png\"}},\"z.png\"],"
                + "\"prompt\":\"p\",\"size\":\"auto\"}}");
    assertNull(row.problem());
    assertEquals("a", row.value(ManifestField.ID));
    assertEquals(
        List.of("data:image/png;base64,AAAA", "y.png", "z.png"),
        row.value(ManifestField.IMAGE_PATHS));
    assertNull(row.value(ManifestField.WIDTH));
  }

  @Test
  void bareBase64IsReadAsADataUrl() throws IOException {
    String base64 = "iVBORw0KGgo" + "A".repeat(100);
    TextRow row = row(EDIT + "{\"image\":\"" + base64 + "\",\"prompt\":\"p\"}}");
    assertNull(row.problem());
    assertEquals(List.of("data:image;base64," + base64), row.value(ManifestField.IMAGE_PATHS));
  }

  @ParameterizedTest
  @ValueSource(strings = {"data:", "data:,", "DATA:image/png;base64", "data:image/png;base64,"})
  void aShortDataUrlDoesNotStopTheBatch(String url) throws IOException {
    String line = EDIT + "{\"image\":\"" + url + "\",\"prompt\":\"p\"}}";
    List<TextRow> rows = rows(line + "\n" + line.replace(url, "a.png"));
    assertEquals(List.of(url), rows.get(0).value(ManifestField.IMAGE_PATHS));
    assertEquals(List.of("a.png"), rows.get(1).value(ManifestField.IMAGE_PATHS));
    assertThrows(IllegalArgumentException.class, () -> DataUrl.bytes(url));
  }

  @Test
  void generationsHaveNoImage() throws IOException {
    String edit = EDIT.replace("edits", "generations");
    assertNull(row(edit + "{\"prompt\":\"p\"}}").problem());
    String problem = row(edit + "{\"prompt\":\"p\",\"image\":\"x\"}}").problem();
    assertTrue(problem.contains("accepts no image (use /v1/images/edits)"), problem);
  }

  @Test
  void theTransparentPixelsOfAMaskAreEdited() throws IOException {
    TextRow row =
        row(EDIT + "{\"prompt\":\"p\",\"image\":\"x\",\"mask\":{\"image_url\":\"m.png\"}}}");
    assertNull(row.problem());
    assertEquals("transparent:m.png", row.value(ManifestField.MASK_PATH));
    String generation = EDIT.replace("edits", "generations");
    String problem = row(generation + "{\"prompt\":\"p\",\"mask\":\"m\"}}").problem();
    assertTrue(problem.contains("accepts no mask (use /v1/images/edits)"), problem);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      quoteCharacter = '`',
      value = {
        "{\"prompt\":\"p\"}; image is missing",
        "{\"prompt\":\"p\",\"image\":\"x\",\"size\":\"big\"}; size is big, expected auto or",
        "{\"prompt\":\"p\",\"image\":\"x\",\"n\":11}; n is 11, expected 1 to 10",
        "{\"prompt\":\"p\",\"image\":\"x\",\"mask\":[\"m\",\"n\"]}; mask has 2 images, expected one",
        "{\"prompt\":\"p\",\"image\":\"x\",\"mask\":3}; mask is 3, expected a path, a data URL",
        "{\"prompt\":\"p\",\"image\":{\"file_id\":\"f1\"}}; names the uploaded file f1",
        "{\"prompt\":\"p\",\"image\":\"x\",\"height\":64,\"size\":\"96x96\"};"
            + " size is 96x96, but height is 64 (give one of them)",
        "{\"prompt\":\"p\",\"image\":\"x\",\"images\":[\"y\"]}; image and images differ (give all",
        "{\"prompt\":\"p\",\"image\":\"x\",\"n\":2,\"seed\":9223372036854775807};"
            + " too large for 2 images, whose seeds are consecutive (at most 9223372036854775806)",
        "3; body is not an object"
      })
  void aBadBodyIsAProblemOfItsLine(String body, String problem) throws IOException {
    TextRow row = row(EDIT + body + "}");
    assertNull(row.fatal());
    assertTrue(row.problem().contains(problem), row.problem());
  }

  @Test
  void aLineThatIsNotJsonIsAProblemOfItsLine() throws IOException {
    TextRow row = row("{");
    assertNull(row.fatal());
    assertTrue(row.problem().startsWith("line 1 of rows is not JSON"), row.problem());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      quoteCharacter = '`',
      value = {
        "{\"url\":\"/v1/images/edits\",\"body\":{}}; line 1 of rows has no custom_id",
        "{\"custom_id\":\"a\",\"url\":\"/v1/chat\"}; line 1 of rows: url is /v1/chat",
        "{\"custom_id\":\"a\",\"method\":\"GET\",\"body\":{}}; method is GET, expected POST"
      })
  void anInvalidRequestIsFatalForTheBatch(String line, String problem) throws IOException {
    String fatal = row(line).fatal();
    assertTrue(fatal.contains(problem), fatal);
  }
}
