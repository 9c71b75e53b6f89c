package io.glmimage.manifest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Bytes that are not UTF-8 in one row of each text format; the byte is written as {@code ~}. */
class BadBytesTest {
  private static List<TextRow> rows(TextRows.Opener format, String text) throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = bytes[i] == '~' ? (byte) 0xE9 : bytes[i];
    }
    List<TextRow> rows = new ArrayList<>();
    format
        .open(
            TextEncoding.reader(new ByteArrayInputStream(bytes), "/m/rows"),
            "/m/rows",
            new ManifestOptions("m", Map.of(), List.of()))
        .forEachRemaining(rows::add);
    return rows;
  }

  private static void assertOnlyTheSecondFails(List<TextRow> rows) {
    assertEquals(3, rows.size());
    assertNull(rows.get(0).problem());
    assertNull(rows.get(2).problem());
    assertEquals("good é", rows.get(2).value(ManifestField.PROMPT));
    TextRow bad = rows.get(1);
    assertEquals("two", bad.value(ManifestField.ID));
    assertTrue(bad.problem().contains("not UTF-8 (byte 0xE9)"), bad.problem());
    Object prompt = bad.value(ManifestField.PROMPT);
    assertTrue(prompt == null || prompt.toString().indexOf('\uFFFD') < 0, "prompt " + prompt);
  }

  @Test
  void aRecordOfCsvFailsAloneAndIsNamed() throws IOException {
    List<TextRow> rows =
        rows(
            TextRows.separatedBy(','),
            "id,prompt,image_paths\none,good,a.png\ntwo,caf~,a.png\nthree,good é,a.png\n");
    assertOnlyTheSecondFails(rows);
    assertTrue(rows.get(1).problem().startsWith("line 3 of rows"), rows.get(1).problem());
  }

  @Test
  void aLineOfJsonFailsAloneAndIsNamed() throws IOException {
    List<TextRow> rows =
        rows(
            TextRows::jsonLines,
            """
            {"id":"one","prompt":"good","image_paths":"a.png"}
            {"id":"two","prompt":"caf~","image_paths":"a.png"}
            {"id":"three","prompt":"good é","image_paths":"a.png"}
            """);
    assertOnlyTheSecondFails(rows);
    assertTrue(rows.get(1).problem().startsWith("line 2 of rows"), rows.get(1).problem());
  }

  @Test
  void aLineOfABatchFailsAloneAndIsNamed() throws IOException {
    String start = "{\"custom_id\":\"%s\",\"method\":\"POST\",\"url\":\"/v1/images/edits\",";
    String body = "\"body\":{\"prompt\":\"%s\",\"image\":\"a.png\"}}\n";
    String line = start + body;
    List<TextRow> rows =
        rows(
            TextRows::batch,
            line.formatted("one", "good")
                + line.formatted("two", "caf~")
                + line.formatted("three", "good é"));
    assertOnlyTheSecondFails(rows);
    assertTrue(rows.get(1).problem().startsWith("line 2 of rows"), rows.get(1).problem());
  }
}
