package io.glmimage.manifest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeout;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.UsageException;
import java.io.IOException;
import java.io.StringReader;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class CsvRowsTest {
  private static List<TextRow> rows(char separator, String text) throws IOException {
    List<TextRow> rows = new ArrayList<>();
    TextRows.separatedBy(separator)
        .open(new StringReader(text), "/m/rows", new ManifestOptions("m", Map.of(), List.of()))
        .forEachRemaining(rows::add);
    return rows;
  }

  private static List<TextRow> rows(String text) throws IOException {
    return rows(',', text);
  }

  @Test
  void readsQuotesLineEndsAndLists() throws IOException {
    List<TextRow> rows =
        rows(
            """
            id,image_paths,prompt,seed,guidance_scale,label\r
            1,a.png|b.png,"say ""hi"",
            then stop",5,1.5,x\r
            \r
            2,"[""a|b.png""]",p,,,""
            3,,q, 6 ,2,last""");
    assertEquals(3, rows.size());
    assertEquals(List.of("a.png", "b.png"), rows.get(0).value(ManifestField.IMAGE_PATHS));
    assertEquals("say \"hi\",\nthen stop", rows.get(0).value(ManifestField.PROMPT));
    assertEquals(5L, rows.get(0).value(ManifestField.SEED));
    assertEquals("x", rows.get(0).other("label"));
    assertEquals(List.of("a|b.png"), rows.get(1).value(ManifestField.IMAGE_PATHS));
    assertNull(rows.get(1).value(ManifestField.SEED));
    assertEquals("", rows.get(1).other("label"));
    assertNull(rows.get(2).value(ManifestField.IMAGE_PATHS));
    assertEquals(6L, rows.get(2).value(ManifestField.SEED));
    for (TextRow row : rows) {
      assertNull(row.problem());
    }
  }

  @Test
  void aNumberOfManyDigitsIsRefusedAtOnce() throws IOException {
    assertEquals(
        "line 4 of rows: seed is " + "7".repeat(60) + "... (2000000 characters), expected a number",
        problem("x,a.png," + "7".repeat(2_000_000)));
  }

  private static String problem(String record) throws IOException {
    List<TextRow> rows = rows("prompt,image_paths,seed\n\"two\nlines\",a.png,1\n" + record);
    assertNull(rows.get(0).problem());
    assertEquals(2, rows.size());
    return rows.get(1).problem();
  }

  @Test
  void namesTheLineWhereABadRecordStarts() throws IOException {
    assertEquals("line 4 of rows has 2 values, the header has 3", problem("short,a.png\n"));
    assertEquals("line 4 of rows: seed is many, expected a number", problem("p,a.png,many\n"));
    assertEquals("line 4 of rows: seed is 1.5, expected a whole number", problem("p,a.png,1.5\n"));
    assertEquals(
        "line 4 of rows: image_paths starts with [ but is not a JSON array of paths",
        problem("p,[a.png,1\n"));
  }

  @Test
  void namesTheLineOfBadQuotes() throws IOException {
    String text = problem("\"p\"x,a.png,2\n");
    assertTrue(text.startsWith("line 4 of rows: text follows a closing quote"), text);
    String open = problem("\"open,a.png,1\n");
    assertTrue(open.startsWith("line 4 of rows: a quote is never closed"), open);
  }

  @Test
  void tabsSeparateTheValuesOfTsv() throws IOException {
    List<TextRow> rows =
        rows(
            '\t',
            """
            \uFEFFid\timage_paths\tprompt\tseed\tlabel\r
            1\ta.png|b,c.png\tred, then "blue"\t5\tx\r
            2\t\t"a ""tab"":\t,
            then stop"\t\t
            """);
    assertEquals(2, rows.size());
    rows.forEach(row -> assertNull(row.problem()));
    assertEquals("1", rows.get(0).value(ManifestField.ID));
    assertEquals(List.of("a.png", "b,c.png"), rows.get(0).value(ManifestField.IMAGE_PATHS));
    assertEquals("red, then \"blue\"", rows.get(0).value(ManifestField.PROMPT));
    assertEquals(5L, rows.get(0).value(ManifestField.SEED));
    assertEquals("x", rows.get(0).other("label"));
    assertNull(rows.get(1).value(ManifestField.IMAGE_PATHS));
    assertEquals("a \"tab\":\t,\nthen stop", rows.get(1).value(ManifestField.PROMPT));
    assertNull(rows.get(1).value(ManifestField.SEED));
    assertNull(rows.get(1).other("label"));
  }

  @Test
  void namesTheLineOfABadRecordOfTsv() throws IOException {
    List<TextRow> rows =
        rows('\t', "prompt\timage_paths\tseed\np,a.png,1\np\ta.png\tmany\nq\ta.png\t1\n");
    assertEquals("line 2 of rows has 1 value, the header has 3", rows.get(0).problem());
    assertEquals("line 3 of rows: seed is many, expected a number", rows.get(1).problem());
    assertNull(rows.get(2).problem());
  }

  @Test
  void refusesFilesWithoutDistinctColumns() {
    for (String header : List.of("", "a,A\n", "a,,b\n")) {
      assertThrows(UsageException.class, () -> rows(header));
    }
  }

  @Test
  void headersOfExcelAndPandasAreExplained() {
    for (Map.Entry<String, String> file :
        Map.of(
                "sep=;\nprompt;image_paths\np;\n", "a note for Excel (sep=;)",
                "sep=,\nprompt,image_paths\np,\n", "a note for Excel",
                ",prompt,image_paths\n0,p,\n", "index=False")
            .entrySet()) {
      String message = assertThrows(UsageException.class, () -> rows(file.getKey())).getMessage();
      assertTrue(message.contains(file.getValue()), message);
    }
  }

  @Test
  void linesOfWhiteSpaceAreBlank() throws IOException {
    assertEquals(
        List.of("a", "b: line 6 of rows has 1 value, the header has 2"),
        idsAndProblems(" \t\nid,prompt\n  \na,p\n\u3000\nb\n \n"));
  }

  private static List<String> idsAndProblems(String text) throws IOException {
    return rows(text).stream()
        .map(r -> r.value(ManifestField.ID) + (r.problem() == null ? "" : ": " + r.problem()))
        .toList();
  }

  @Test
  void aQuoteThatIsNeverClosedFailsItsLineOnly() throws IOException {
    assertEquals(
        List.of("a", "b: line 3 of rows: a quote is never closed", "c", "d"),
        idsAndProblems("id,prompt\na,p\nb,\"p\nc,p\nd,p\n"));
    // The quote of c closes the one of b, and text follows.
    assertEquals(
        List.of(
            "b: line 2 of rows: text follows a closing quote (write quotes inside quotes twice)",
            "c",
            "d"),
        idsAndProblems("id,prompt\nb,\"6 foot\nc,\"p, q\"\nd,p\n"));
  }

  @Test
  void manyWrongQuotesTakeLinearTime() throws IOException {
    String text = "id,prompt\n" + "a,\"b\"\"\n".repeat(20_000);
    assertTimeout(
        Duration.ofSeconds(60),
        () -> assertTrue(rows(text).stream().allMatch(row -> row.problem() != null)));
  }

  @Test
  void linesMayEndWithCarriageReturnsAlone() throws IOException {
    assertEquals(
        List.of("a", "b: line 4 of rows has 1 value, the header has 2"),
        idsAndProblems("id,prompt\ra,\"p\rq\"\rb\r"));
  }

  @Test
  void nulCharactersFailTheirLine() throws IOException {
    assertTrue(idsAndProblems("id,prompt\na,p\0\nb,p\n").get(0).contains("NUL"));
  }
}
