package io.glmimage.manifest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.StringReader;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class JsonLinesTest {
  private static List<TextRow> rows(String text, Map<String, String> columns) throws IOException {
    List<TextRow> rows = new ArrayList<>();
    TextRows.jsonLines(
            new StringReader(text), "/m/rows", new ManifestOptions("m", columns, List.of()))
        .forEachRemaining(rows::add);
    return rows;
  }

  private static List<TextRow> rows(String text) throws IOException {
    return rows(text, Map.of());
  }

  @Test
  void readsFieldsWithTheirTypes() throws IOException {
    List<TextRow> rows =
        rows(
            "\uFEFF{\"id\": 7, \"caption\": \"é \\ud83d\\ude00\", \"image_paths\": [\"a|b.png\","
                + " \"c.png\"], \"seed\": 9007199254740993, \"height\": 64.0, \"guidance_scale\":"
                + " 2}\n\n{\"caption\": null, \"image_paths\": \"x.png\"}\r\n",
            Map.of("prompt", "caption"));
    assertEquals(2, rows.size());
    TextRow row = rows.get(0);
    assertNull(row.problem());
    assertEquals("7", row.value(ManifestField.ID));
    assertEquals("é 😀", row.value(ManifestField.PROMPT));
    assertEquals(List.of("a|b.png", "c.png"), row.value(ManifestField.IMAGE_PATHS));
    assertEquals(9007199254740993L, row.value(ManifestField.SEED));
    assertEquals(64L, row.value(ManifestField.HEIGHT));
    assertEquals(2.0, row.value(ManifestField.GUIDANCE_SCALE));
    assertNull(rows.get(1).value(ManifestField.PROMPT));
    assertEquals(List.of("x.png"), rows.get(1).value(ManifestField.IMAGE_PATHS));
  }

  @Test
  void aNumberIsShownAsItIsWritten() throws IOException {
    assertEquals(
        "line 3 of rows: id is 7.0, expected a text or a whole number", problem("{\"id\": 7.0}"));
  }

  private static String problem(String line) throws IOException {
    return rows("{\"prompt\": \"p\"}\n\n" + line).get(1).problem();
  }

  @Test
  void namesTheLineOfBrokenJson() throws IOException {
    assertTrue(problem("{\"prompt\": ").startsWith("line 3 of rows is not JSON: "));
    assertEquals("line 3 of rows is not a JSON object", problem("[1]"));
    assertTrue(problem("{\"prompt\": \"a\"} x").startsWith("line 3 of rows is not JSON: "));
    assertEquals(
        "line 3 of rows has text after the JSON object", problem("{\"prompt\": \"a\"} {}"));
    String duplicate = problem("{\"prompt\": \"a\", \"prompt\": \"b\"}");
    assertEquals("line 3 of rows has the key prompt twice", duplicate);
  }

  @Test
  void namesTheFieldOfAWrongValue() throws IOException {
    String both = problem("{\"seed\": 1.5, \"prompt\": 3}");
    assertTrue(both.contains("line 3 of rows: prompt is 3, expected a text"), both);
    assertTrue(both.contains("line 3 of rows: seed is 1.5, expected a whole number"), both);
    String paths = problem("{\"image_paths\": [1]}");
    assertTrue(paths.contains("image_paths is [1], expected a path or an array of paths"), paths);
    String text = problem("{\"seed\": \"7\"}");
    assertTrue(text.contains("seed is the text \"7\", expected a whole number"), text);
  }

  @Test
  void aNumberBeyondTheRangeOfDoublesIsAProblemOfItsRow() {
    TextRows rows =
        TextRows.jsonLines(
            new StringReader("{\"prompt\":\"x\",\"seed\":1e999999999}\n"),
            "/m/rows.jsonl",
            new ManifestOptions("m", Map.of(), List.of()));
    String problem = rows.next().problem();
    assertEquals("line 1 of rows.jsonl: seed is out of range, expected a whole number", problem);
    rows =
        TextRows.jsonLines(
            new StringReader("{\"prompt\":\"x\",\"seed\":1e-9999999999999}\n"),
            "/m/rows.jsonl",
            new ManifestOptions("m", Map.of(), List.of()));
    problem = rows.next().problem();
    assertTrue(problem.startsWith("line 1 of rows.jsonl has a number out of range: "), problem);
  }

  @Test
  void aBrokenLineLeavesTheOthersAlone() throws IOException {
    List<TextRow> rows = rows("{\"prompt\": \"a\"}\n{\n{\"prompt\": \"b\"}");
    assertEquals(3, rows.size());
    assertNull(rows.get(0).problem());
    assertNull(rows.get(2).problem());
    assertEquals("b", rows.get(2).value(ManifestField.PROMPT));
    assertEquals("{}", rows.get(1).other(JsonLines.LINE));
  }

  @Test
  void aBadLineKeepsItsIdAndCostsNoMoreThanItsLength() throws IOException {
    String deep = "[".repeat(200_000) + "]".repeat(200_000);
    for (String bad :
        List.of(
            "\"m\": " + "[".repeat(65) + "]".repeat(65),
            "\"m\": " + "{\"a\":".repeat(900) + "1" + "}".repeat(900),
            "\"m\": " + "9".repeat(1_000_000),
            "\"\": 1",
            "\"prompt\": \"q\"",
            "\"m\": {\"a\": 1, \"a\": 2}",
            "\"m\": \"\\ud800\"",
            "\"" + "k".repeat(2000) + "\": 1",
            "\"m\": 1} x")) {
      String end = bad.endsWith("x") ? "" : "}";
      TextRow row = rows("{\"id\": \"7\", \"prompt\": \"p\", " + bad + end).get(0);
      assertEquals("7", row.value(ManifestField.ID));
      assertTrue(row.problem().startsWith("line 1 of rows "), row.problem());
      assertTrue(row.problem().length() < 500, row.problem());
      assertFalse(row.other(JsonLines.LINE).toString().contains("\"m\""));
    }
    TextRow after = rows("{\"m\": " + "[".repeat(900) + "]".repeat(900) + ", \"id\": 7}").get(0);
    assertEquals("7", after.value(ManifestField.ID));
    assertTrue(problem("{\"m\": " + deep + "}").startsWith("line 3 of rows "));
    assertTrue(problem("{\"prompt\": \"\\ud83d\"}").contains("half of a surrogate pair"));
  }

  @Test
  void otherValuesStayAsTheyAreWritten() throws IOException {
    assertEquals(
        "{\"prompt\":null,\"a\":1.10,\"b\":{\"x\":[1e5, \"\\u00e9\u2028\"]}}",
        rows("{ \"prompt\" : \"p\", \"a\": 1.10 ,\"b\": {\"x\":[1e5, \"\\u00e9\u2028\"]} }")
            .get(0)
            .other(JsonLines.LINE));
  }

  @Test
  void aTextOfMoreThanTwentyMillionCharactersIsRead() throws IOException {
    String url = "data:image/png;base64," + "A".repeat(21_000_000);
    TextRow row = rows("{\"prompt\": \"p\", \"image_paths\": \"" + url + "\"}").get(0);
    assertNull(row.problem());
    assertEquals(List.of(url), row.value(ManifestField.IMAGE_PATHS));
    assertTrue(row.other(JsonLines.LINE).toString().length() < 100);
  }
}
