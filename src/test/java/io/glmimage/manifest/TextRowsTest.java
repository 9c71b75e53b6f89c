package io.glmimage.manifest;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.UsageException;
import java.io.IOException;
import java.io.StringReader;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class TextRowsTest {
  private static List<TextRow> rows(ManifestFormat format, String text) throws IOException {
    return rows(format, text, Map.of());
  }

  private static List<TextRow> rows(ManifestFormat format, String text, Map<String, String> columns)
      throws IOException {
    List<TextRow> rows = new ArrayList<>();
    TextRows.open(
            format, new StringReader(text), "/m/rows", new ManifestOptions("m", columns, List.of()))
        .forEachRemaining(rows::add);
    return rows;
  }

  @Test
  void readsJsonLinesWithTypes() throws IOException {
    List<TextRow> rows =
        rows(
            ManifestFormat.JSONL,
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
  void namesTheLineOfWhatIsWrong() throws IOException {
    List<TextRow> rows =
        rows(
            ManifestFormat.JSONL,
            """
            {"prompt": "p"}

            {"prompt":\s
            [1]
            {"seed": 1.5, "prompt": 3}
            {"prompt": "a", "prompt": "b"}
            {"prompt": "a"} x
            {"image_paths": [1]}
            {"seed": "7"}""");
    assertNull(rows.get(0).problem());
    assertTrue(rows.get(1).problem().startsWith("line 3 of rows is no JSON: "));
    assertEquals("line 4 of rows is no JSON object", rows.get(2).problem());
    assertTrue(rows.get(3).problem().contains("line 5 of rows: prompt is 3, expected a text"));
    assertTrue(rows.get(3).problem().contains("seed is 1.5, expected a whole number"));
    assertTrue(rows.get(4).problem().contains("line 6 of rows is no JSON: Duplicate field"));
    assertTrue(rows.get(5).problem().startsWith("line 7 of rows is no JSON: "));
    assertTrue(rows.get(6).problem().contains("expected a path or an array of paths"));
    assertTrue(rows.get(7).problem().contains("seed is 7, expected a whole number"));
  }

  @Test
  void readsCsvWithQuotesLinesAndLists() throws IOException {
    List<TextRow> rows =
        rows(
            ManifestFormat.CSV,
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
  void namesTheLineOfABadCsvRecord() throws IOException {
    List<TextRow> rows =
        rows(
            ManifestFormat.CSV,
            """
            prompt,image_paths,seed
            "two
            lines",a.png,1
            short,a.png
            p,a.png,many
            p,[a.png,1
            "p"x,a.png,2
            "open,a.png,1
            """);
    assertNull(rows.get(0).problem());
    assertEquals("line 4 of rows has 2 values, the header has 3", rows.get(1).problem());
    assertEquals("line 5 of rows: seed is many, expected a number", rows.get(2).problem());
    assertTrue(rows.get(3).problem().contains("line 6 of rows"));
    assertTrue(rows.get(4).problem().contains("line 7 of rows: text follows a closing quote"));
    assertTrue(rows.get(5).problem().startsWith("line 8 of rows: a quote is never closed"));
    assertEquals(6, rows.size());
    assertThrows(UsageException.class, () -> rows(ManifestFormat.CSV, ""));
    assertThrows(UsageException.class, () -> rows(ManifestFormat.CSV, "a,A\n"));
  }

  @Test
  void readsBatchRequests() throws IOException {
    List<TextRow> rows =
        rows(
            ManifestFormat.OPENAI_BATCH,
            """
            {"custom_id":"a","method":"POST","url":"/v1/images/edits","body":{"model":"m",\
            "image":"s3a://b/x.png","prompt":"p","size":"1024x1536","n":2,"seed":40,\
            "num_inference_steps":9}}
            {"custom_id":"b","method":"POST","url":"/v1/images/edits","body":{"images":[\
            {"image_url":"data:image/png;base64,AAAA"},{"image_url":{"url":"y.png"}},"z.png"],\
            "prompt":"p","size":"auto"}}
            """);
    assertEquals(3, rows.size());
    assertEquals("a#1", rows.get(0).value(ManifestField.ID));
    assertEquals("a#2", rows.get(1).value(ManifestField.ID));
    assertEquals(41L, rows.get(1).value(ManifestField.SEED));
    assertEquals(1024L, rows.get(1).value(ManifestField.WIDTH));
    assertEquals(1536L, rows.get(1).value(ManifestField.HEIGHT));
    assertEquals(9L, rows.get(1).value(ManifestField.NUM_INFERENCE_STEPS));
    assertEquals(2L, rows.get(1).other("batch_pictures"));
    assertEquals("b", rows.get(2).value(ManifestField.ID));
    assertEquals(
        List.of("data:image/png;base64,AAAA", "y.png", "z.png"),
        rows.get(2).value(ManifestField.IMAGE_PATHS));
    assertNull(rows.get(2).value(ManifestField.WIDTH));
    assertNull(rows.get(2).problem());
  }

  @Test
  void tellsBadBatchLinesFromBadBatches() throws IOException {
    String start =
        "{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":\"/v1/images/edits\",\"body\":";
    assertTrue(
        rows(ManifestFormat.OPENAI_BATCH, "{").get(0).problem().startsWith("line 1 of rows"));
    for (String[] bad :
        new String[][] {
          {"{\"prompt\":\"p\"}}", "image is missing"},
          {"{\"prompt\":\"p\",\"image\":\"x\",\"size\":\"big\"}}", "size is big, expected auto or"},
          {"{\"prompt\":\"p\",\"image\":\"x\",\"n\":11}}", "n is 11, expected 1 to 10"},
          {"{\"prompt\":\"p\",\"image\":\"x\",\"mask\":\"m\"}}", "mask is not supported"},
          {"{\"prompt\":\"p\",\"image\":{\"file_id\":\"f1\"}}}", "names the uploaded file f1"},
          {"3}", "body is no object"},
        }) {
      TextRow row = rows(ManifestFormat.OPENAI_BATCH, start + bad[0]).get(0);
      assertNull(row.fatal());
      assertTrue(row.problem().contains(bad[1]), row.problem());
    }
    for (String[] bad :
        new String[][] {
          {"{\"url\":\"/v1/images/edits\",\"body\":{}}", "line 1 of rows has no custom_id"},
          {"{\"custom_id\":\"a\",\"url\":\"/v1/chat/completions\"}", "url is /v1/chat/completions"},
          {start.replace("POST", "GET") + "{}}", "method is GET, expected POST"},
        }) {
      TextRow row = rows(ManifestFormat.OPENAI_BATCH, bad[0]).get(0);
      assertTrue(row.fatal().contains(bad[1]), row.fatal());
    }
  }

  @Test
  void detectsFormats() {
    String batch = "{\"custom_id\":\"a\",\"body\":{}}";
    assertEquals(ManifestFormat.CSV, ManifestFormat.detect("s3a://b/x.CSV", ""));
    assertEquals(ManifestFormat.OPENAI_BATCH, ManifestFormat.detect("x.jsonl", batch));
    assertEquals(ManifestFormat.JSONL, ManifestFormat.detect("x.ndjson", "{\"prompt\":\"p\"}"));
    assertEquals(ManifestFormat.JSONL, ManifestFormat.detect("x.jsonl", "{"));
    assertEquals(ManifestFormat.PARQUET, ManifestFormat.detect("x", batch));
    assertThrows(UsageException.class, () -> ManifestFormat.named("xml"));
  }

  @Test
  void dataUrlsAreDecodedAndShownShort() {
    String url = "data:image/png;base64,AQID";
    assertTrue(DataUrl.is(url) && DataUrl.is("DATA:,x") && !DataUrl.is("s3a://b/data:x"));
    assertArrayEquals(new byte[] {1, 2, 3}, DataUrl.bytes(url));
    assertEquals("data:image/png;base64,... (26 characters)", DataUrl.shown(url));
    assertEquals("x.png", DataUrl.shown("x.png"));
    assertThrows(IllegalArgumentException.class, () -> DataUrl.bytes("data:image/png,abc"));
    assertThrows(IllegalArgumentException.class, () -> DataUrl.bytes("data:x;base64,!!"));
  }
}
