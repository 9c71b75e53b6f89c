package io.glmimage.job;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.glmimage.image.ImageDecoder;
import io.glmimage.spark.results.Tars;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("spark")
class FormatsJobTest extends SharedSession {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** The start of a request of an OpenAI batch, up to the value of its prompt. */
  private static final String REQUEST =
      "\"method\":\"POST\",\"url\":\"/v1/images/edits\",\"body\":{\"prompt\":";

  private final JobConsole job = new JobConsole();

  @BeforeEach
  void writeSourceImages() throws IOException {
    for (int i = 0; i < 3; i++) {
      Files.write(folder.resolve(i + ".png"), JobConsole.png(64, 96, 40 * i));
    }
  }

  private String file(String name, String text) throws IOException {
    return Files.writeString(folder.resolve(name), text).toString();
  }

  /** Runs a manifest of three good and four bad rows. */
  private Map<String, Row> editJsonLines(String output) throws IOException {
    String url =
        "data:image/png;base64," + Base64.getEncoder().encodeToString(JobConsole.png(32, 64, 5));
    String manifest =
        file(
            "rows.jsonl",
            """
            {"id": "a", "prompt": "p", "image_paths": "0.png", "label": 3, "box": {"x": [1.5]}}
            {"id": "b", "prompt": "p", "image_paths": ["0.png", "1.png"], "seed": 12}
            {"id": "c", "prompt": "p", "image_paths":

            {"id": "d", "prompt": "p", "image_paths": "URL", "label": 4}
            {"id": "e", "prompt": "p", "seed": "x"}
            {"id": "f", "prompt": "refuse", "image_paths": "0.png"}
            {"id": "g", "prompt": "p", "image_paths": "data:image/png;base64,!"}
            """
                .replace("URL", url));
    assertEquals(2, job.edit(manifest, output), job::err);
    Map<String, Row> rows = JobConsole.results(spark, output);
    assertEquals(7, rows.size());
    assertFalse(rows.get("d").toString().contains(url));
    return rows;
  }

  @Test
  void jsonLinesKeepTheirOtherFieldsAndFailLineByLineAsTheReportShows() throws IOException {
    Map<String, Row> rows = editJsonLines(folder + "/out");
    assertEquals(3L, rows.get("a").<Object>getAs("label"));
    assertEquals(1.5, rows.get("a").getStruct(rows.get("a").fieldIndex("box")).getList(0).get(0));
    assertEquals(12L, rows.get("b").<Object>getAs("seed"));
    assertEquals(64, rows.get("d").<Object>getAs("width"));
    Row broken = rows.get("c");
    assertEquals("INVALID_ROW", broken.getAs("error_class"));
    assertTrue(broken.<String>getAs("error").contains("line 3 of rows.jsonl is not JSON"));
    String wrongSeed = rows.get("e").getAs("error");
    assertTrue(wrongSeed.endsWith("seed is the text \"x\", expected a whole number"), wrongSeed);
    assertEquals("IMAGE_INVALID", rows.get("g").getAs("error_class"));
    assertTrue(job.err().contains("line 3 of rows.jsonl"), job.err());
    assertTheReportShowsFailuresAndFigures(folder + "/out");
  }

  private static void assertTheReportShowsFailuresAndFigures(String output) throws IOException {
    String page = Files.readString(Path.of(output, "report.html"));
    assertTrue(page.contains("line 3 of rows.jsonl"), page);
    assertTrue(page.contains("data:image/jpeg;base64,"), page);
    assertTrue(page.contains("of the engines' time spent waiting for files"), page);
    JsonNode metrics = JSON.readTree(Path.of(output, "metrics.json").toFile());
    assertEquals(7, metrics.path("rows").asInt());
    assertEquals(3, metrics.path("ok").asInt());
    long inBins = 0;
    for (JsonNode bin : metrics.path("row_seconds_histogram")) {
      inBins += bin.path("rows").asLong();
    }
    assertEquals(3, inBins);
    assertTrue(metrics.path("stage_seconds").path("denoise").asDouble() > 0.5);
    assertTrue(metrics.path("row_seconds").path("p50").asDouble() > 0);
    assertTrue(metrics.path("engine_busy_seconds").asDouble() > 0);
    double share = metrics.path("engine_wait_share").asDouble(-1);
    assertTrue(share >= 0 && share <= 1, share + "");
  }

  @Test
  void csvIsReadFromFoldersToo() throws IOException {
    Files.createDirectory(folder.resolve("rows"));
    file("rows/1.csv", "caption,image_paths,id,note\n\"a, \"\"b\"\"\",../0.png|../1.png,x,n1\n");
    file("rows/2.csv", "caption,image_paths,id,note\nq,,y,\nq,z.png\n");
    String output = folder + "/out";
    assertEquals(
        2,
        job.edit(
            folder + "/rows", output, "--columns", "prompt=caption", "--height=32", "--width=32"),
        job::err);
    Map<String, Row> rows = JobConsole.results(spark, output);
    // Relative paths start at the folder that holds the manifest, which is a folder here.
    assertEquals("IMAGE_NOT_FOUND", rows.get("x").getAs("error_class"));
    assertEquals("a, \"b\"", rows.get("x").getAs("prompt"));
    assertEquals("n1", rows.get("x").getAs("note"));
    assertEquals("OK", rows.get("y").getAs("status"));
    assertTrue(job.err().contains("line 3 of 2.csv has 2 values, the header has 4"), job.err());

    file("rows/2.csv", "prompt\n");
    assertEquals(1, job.edit(folder + "/rows", output + 2));
    assertTrue(job.err().contains("has the columns [prompt]"), job.err());
    assertEquals(1, job.edit(file("x.csv", "prompt\np\n"), output + 2));
    assertTrue(job.err().contains("column image_paths is missing"), job.err());
  }

  @Test
  void successfulRequestsOfABatchAreAnswered() throws IOException {
    String manifest =
        file(
            "batch.jsonl",
            """
            {"custom_id":"two",START"p","image":"0.png","n":2,"seed":5,"size":"128x64"}}
            {"custom_id":"missing",START"p","image":"nope.png"}}
            {"custom_id":"inline",START"p","images":[{"image_url":"1.png"}],\
            "response_format":"b64_json"}}
            """
                .replace("START", REQUEST));
    String output = folder + "/out";
    assertEquals(2, job.edit(manifest, output), job::err);
    List<String> answers = Files.readAllLines(Path.of(output, "output.jsonl"));
    assertEquals(2, answers.size());
    JsonNode two = JSON.readTree(answers.get(0));
    assertEquals("two", two.path("custom_id").asText());
    JsonNode body = two.path("response").path("body");
    assertEquals(2, body.path("data").size());
    assertEquals("128x64", body.path("size").asText());
    assertEquals(5, body.path("data").get(0).path("seed").asInt());
    assertEquals(6, body.path("data").get(1).path("seed").asInt());
    Path image = Path.of(URI.create(body.path("data").get(0).path("url").asText()));
    assertEquals(128, ImageDecoder.decode(Files.readAllBytes(image), "x").width());
    byte[] inline =
        Base64.getDecoder()
            .decode(JSON.readTree(answers.get(1)).at("/response/body/data/0/b64_json").asText());
    assertEquals(96, ImageDecoder.decode(inline, "x").width());
  }

  @Test
  void failedRequestsOfABatchAreAnswered() throws IOException {
    String manifest =
        file(
            "batch.jsonl",
            """
            {"custom_id":"ok",START"p","image":"0.png"}}
            {"custom_id":"missing",START"p","image":"nope.png"}}

            not json
            {"custom_id":"broken",START"break","image":"0.png"}}
            """
                .replace("START", REQUEST));
    String output = folder + "/out";
    assertEquals(2, job.edit(manifest, output), job::err);
    List<String> answers = Files.readAllLines(Path.of(output, "errors.jsonl"));
    assertEquals(3, answers.size());
    JsonNode missing = JSON.readTree(answers.get(0));
    assertEquals("missing", missing.path("custom_id").asText());
    assertEquals(400, missing.at("/response/status_code").asInt());
    assertEquals("image_not_found", missing.at("/response/body/error/code").asText());
    assertTrue(JSON.readTree(answers.get(1)).path("custom_id").isNull());
    assertTrue(answers.get(1).contains("line 4 of batch.jsonl is not JSON"), answers.get(1));
    assertEquals(500, JSON.readTree(answers.get(2)).at("/response/status_code").asInt());
  }

  @Test
  void aBatchWithRepeatedNamesOrAnotherUrlIsRefused() throws IOException {
    String manifest =
        file(
            "again.jsonl",
            "{\"custom_id\":\"a\",START\"p\",\"image\":\"0.png\"}}\n"
                    .replace("START", REQUEST)
                    .repeat(2)
                + "{\"custom_id\":\"b\",\"url\":\"/v1/embeddings\",\"body\":{}}\n");
    String output = folder + "/out";
    assertEquals(1, job.edit(manifest, output));
    assertTrue(job.err().contains("custom_id a is on 2 lines"), job.err());
    assertTrue(job.err().contains("line 3 of again.jsonl: url is /v1/embeddings"), job.err());
    assertFalse(Files.exists(Path.of(output)));
  }

  @Test
  void theSameBrokenLineInTwoFilesIsTwoFailures() throws IOException {
    Files.createDirectory(folder.resolve("batches"));
    file("batches/1.jsonl", "{\"custom_id\":\"a\",START\"p\"}}\n{\n".replace("START", REQUEST));
    file("batches/2.jsonl", "{\"custom_id\":\"b\",START\"p\"}}\n{\n".replace("START", REQUEST));
    String output = folder + "/out";
    assertEquals(2, job.edit(folder + "/batches", output), job::err);
    assertEquals(4, Files.readAllLines(Path.of(output, "errors.jsonl")).size());
    assertEquals(0, Files.size(Path.of(output, "output.jsonl")));
  }

  /** A manifest of eleven rows, of which row 4 fails. */
  private String elevenRows() throws IOException {
    StringBuilder rows = new StringBuilder("id,prompt,image_paths,label\n");
    for (int i = 0; i < 11; i++) {
      rows.append("r").append(i).append(i == 4 ? ",refuse," : ",grün,").append(i % 3);
      rows.append(".png,l").append(i).append('\n');
    }
    return file("rows.csv", rows.toString());
  }

  private int pack(String manifest, String output, String... more) {
    List<String> options =
        new ArrayList<>(List.of("--output-format", "webdataset", "--shard-size", "4"));
    options.addAll(List.of(more));
    return job.edit(manifest, output, options.toArray(String[]::new));
  }

  @Test
  void onlyTheManifestDecidesTheShardsAndALaterRunLeavesThemInPlace() throws IOException {
    String manifest = elevenRows();
    String one = folder + "/one";
    String two = folder + "/two";
    assertEquals(2, pack(manifest, one, "--partitions", "1"), job::err);
    assertEquals(2, pack(manifest, two, "--partitions", "7"), job::err);
    for (int shard = 0; shard < 3; shard++) {
      String name = "shards/shard-00000" + shard + "-of-000003.tar";
      assertArrayEquals(
          Files.readAllBytes(Path.of(one, name)), Files.readAllBytes(Path.of(two, name)));
    }
    Map<String, byte[]> files =
        Tars.untar(Files.readAllBytes(Path.of(one, "shards/shard-000001-of-000003.tar")));
    assertEquals(9, files.size());
    assertEquals("grün", new String(files.get("000000000005.txt"), StandardCharsets.UTF_8));
    JsonNode json = JSON.readTree(files.get("000000000005.json"));
    assertEquals("r5", json.path("id").asText());
    assertEquals("l5", json.path("columns").path("label").asText());
    assertEquals("2.png", json.path("image_paths").get(0).asText());
    assertEquals(96, ImageDecoder.decode(files.get("000000000005.png"), "x").width());

    Path last = Path.of(two, "shards/shard-000002-of-000003.tar");
    FileTime packed = Files.getLastModifiedTime(last);
    assertEquals(2, pack(manifest, two, "--keep-failed"), job::err);
    assertEquals(packed, Files.getLastModifiedTime(last));
    String[] smaller = {"--output-format", "webdataset", "--shard-size", "3", "--keep-failed"};
    assertEquals(2, job.edit(manifest, two, smaller), job::err);
    assertFalse(Files.exists(last));
    assertTrue(Files.exists(Path.of(two, "shards/shard-000003-of-000004.tar")));
  }

  @Test
  void aParquetTableHoldsTheEditedImages() throws IOException {
    String output = folder + "/out";
    String[] options = {"--output-format", "parquet", "--image-format", "jpeg", "--quality=80"};
    assertEquals(2, job.edit(elevenRows(), output, options), job::err);
    List<Row> stored =
        spark.read().parquet(output + "/pictures").orderBy("row_index").collectAsList();
    assertEquals(10, stored.size());
    byte[] image = stored.get(4).getAs("image");
    assertEquals(0xd8, image[1] & 255);
    assertEquals("r5", stored.get(4).getAs("id"));
    assertTrue(Files.exists(Path.of(output, "images/r5.jpg")));
  }

  @Test
  void aRunWithoutRowsHasAPageToo() throws IOException {
    String output = folder + "/out";
    assertEquals(0, job.edit(file("none.csv", "prompt,image_paths\n"), output), job::err);
    String page = Files.readString(Path.of(output, "report.html"));
    assertTrue(page.contains("There is no edited image to show."), page);
    assertTrue(page.contains("No row failed."), page);
    assertTrue(job.out().startsWith("0 rows"), job.out());
  }
}
