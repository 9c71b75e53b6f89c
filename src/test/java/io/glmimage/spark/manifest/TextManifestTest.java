package io.glmimage.spark.manifest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.glmimage.error.UsageException;
import io.glmimage.io.Retries;
import io.glmimage.io.Storage;
import io.glmimage.manifest.ManifestOptions;
import io.glmimage.manifest.ManifestRow;
import io.glmimage.manifest.Rejection;
import io.glmimage.spark.LocalUnderScheme;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.zip.GZIPOutputStream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.spark.TaskContext;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.Test;

/**
 * Text manifests: the same requests in every format, and files that are not what they should be.
 */
class TextManifestTest extends SharedLocalSpark {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int ROWS = 200;
  private static final StructType SCHEMA =
      new StructType()
          .add("id", DataTypes.StringType)
          .add("prompt", DataTypes.StringType)
          .add("image_paths", DataTypes.createArrayType(DataTypes.StringType))
          .add("seed", DataTypes.LongType)
          .add("height", DataTypes.IntegerType)
          .add("guidance_scale", DataTypes.DoubleType);

  /** Parts of texts that formats must quote, escape or keep. */
  private static final String[] PARTS = {
    "a",
    "red",
    " ",
    ",",
    "\"",
    "\"\"",
    "\t",
    "\n",
    "\r\n",
    "|",
    "\\",
    "\\u0041",
    "\u00e9",
    "e\u0301",
    "\uD83D\uDE00",
    "\u2028",
    "\u0085",
    "\u00a0",
    "\ufeff",
    "'",
    "#",
    "{",
    "[",
    "null",
    "1e5",
    "\u3000"
  };

  /** A disk whose files cannot be opened at first, for a temporary reason. */
  public static final class SlowDisk extends LocalUnderScheme {
    private static final AtomicInteger LEFT = new AtomicInteger();

    @Override
    public String getScheme() {
      return "slow";
    }

    @Override
    public FSDataInputStream open(org.apache.hadoop.fs.Path file, int bufferSize)
        throws IOException {
      if (TaskContext.get() != null && LEFT.getAndUpdate(n -> Math.max(0, n - 1)) > 0) {
        throw new IOException("timed out");
      }
      return super.open(file, bufferSize);
    }
  }

  @Test
  void tasksOpenAFileAsOftenAsTheStorageSays() throws Exception {
    Configuration configuration = new Configuration();
    configuration.set("fs.slow.impl", SlowDisk.class.getName());
    Storage storage = new Storage(configuration, new Retries(7, 1));
    Path file = LocalSpark.text(folder.resolve("rows.csv"), "prompt,image_paths", "p,a.png");
    SlowDisk.LEFT.set(6);
    ManifestTable table =
        ManifestTable.open(
            spark.session(),
            storage,
            new ManifestOptions("slow://" + file, Map.of(), List.of()),
            LocalSpark.DEFAULTS);
    assertEquals(1, table.identify().size());
    assertEquals(0, SlowDisk.LEFT.get());
  }

  private static String text(Random random) {
    StringBuilder text = new StringBuilder("x");
    for (int i = random.nextInt(12); i > 0; i--) {
      text.append(PARTS[random.nextInt(PARTS.length)]);
    }
    return text.append("y").toString();
  }

  private static String cell(Object value) {
    return value == null ? "" : "\"" + value.toString().replace("\"", "\"\"") + "\"";
  }

  private static String json(Object value) throws JsonProcessingException {
    return JSON.writeValueAsString(value);
  }

  /** The same rows in every format. */
  private static final class Generated {
    final List<Row> rows = new ArrayList<>();
    final StringBuilder lines = new StringBuilder();
    final StringBuilder batch = new StringBuilder();
    final StringBuilder csv =
        new StringBuilder("\ufeffid,prompt,image_paths,seed,height,guidance_scale\r\n");
    final StringBuilder tsv =
        new StringBuilder("id\tprompt\timage_paths\tseed\theight\tguidance_scale\n");

    void add(Random random) throws IOException {
      String id = "r" + rows.size();
      String prompt = text(random);
      List<String> images = new ArrayList<>(List.of("a" + text(random) + ".png"));
      if (random.nextBoolean()) {
        images.add("s3a://b/" + text(random));
      }
      Long seed = random.nextBoolean() ? random.nextLong() >> 11 : null;
      Integer height = random.nextBoolean() ? 32 + random.nextInt(500) : null;
      Double guidance = random.nextBoolean() ? random.nextInt(100) / 10.0 + 1 : null;
      rows.add(
          RowFactory.create(id, prompt, images.toArray(String[]::new), seed, height, guidance));
      Map<String, Object> body = new LinkedHashMap<>();
      body.put("prompt", prompt);
      body.put("seed", seed);
      body.put("height", height);
      body.put("guidance_scale", guidance);
      Map<String, Object> line = new LinkedHashMap<>(body);
      line.put("id", id);
      line.put("image_paths", images);
      lines.append(json(line)).append('\n');
      body.put("image", images);
      batch
          .append(
              json(
                  Map.of(
                      "custom_id", id, "method", "POST", "url", "/v1/images/edits", "body", body)))
          .append("\r\n");
      List<Object> cells = new ArrayList<>();
      cells.add(id);
      cells.add(prompt);
      cells.add(json(images));
      cells.add(seed);
      cells.add(height);
      cells.add(guidance);
      List<String> quoted = cells.stream().map(TextManifestTest::cell).toList();
      csv.append(String.join(",", quoted)).append("\r\n");
      tsv.append(String.join("\t", quoted)).append('\n');
    }
  }

  @Test
  void aGeneratedTableGivesTheSameRequestsInEveryFormat() throws IOException {
    Random random = new Random(12);
    Generated table = new Generated();
    for (int i = 0; i < ROWS; i++) {
      table.add(random);
    }
    Path parquet = folder.resolve("m.parquet");
    spark
        .session()
        .createDataFrame(table.rows, SCHEMA)
        .coalesce(1)
        .write()
        .parquet(parquet.toString());
    List<PlannedRow> expected = spark.planned(parquet);
    assertEquals(ROWS, expected.size());
    expected.forEach(row -> assertInstanceOf(ManifestRow.class, row.outcome()));
    for (Path other :
        List.of(
            Files.writeString(folder.resolve("m.jsonl"), table.lines),
            Files.writeString(folder.resolve("m.csv"), table.csv),
            Files.writeString(folder.resolve("m.tsv"), table.tsv),
            gzip("m.csv.gz", table.csv.toString()),
            Files.writeString(folder.resolve("b.jsonl"), table.batch))) {
      assertEquals(expected, spark.planned(other), other.toString());
    }
  }

  private Path gzip(String name, String text) throws IOException {
    Path file = folder.resolve(name);
    try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(file))) {
      out.write(text.getBytes(StandardCharsets.UTF_8));
    }
    return file;
  }

  @Test
  void aBadLineOfJsonFailsAlone() throws IOException {
    String url = "data:image/png;base64," + "A".repeat(21_000_000);
    Path manifest =
        LocalSpark.text(
            folder.resolve("m.jsonl"),
            "{\"id\":\"a\",\"prompt\":\"p\",\"image_paths\":\"a.png\",\"m\":[1]}",
            "{\"id\":\"b\",\"prompt\":\"p\",\"m\":" + "[".repeat(900) + "]".repeat(900) + "}",
            "{\"id\":\"c\",\"prompt\":\"p\",\"m\":" + "9".repeat(100_000) + "}",
            "{\"id\":\"d\",\"prompt\":\"p\",\"image_paths\":\"" + url + "\"}",
            "{\"id\":\"e\",\"prompt\":\"p\",\"m\":1e999999999}",
            "{\"id\":\"f\",\"prompt\":\"p\",\"\":1}");
    List<PlannedRow> rows = spark.planned(manifest);
    assertEquals(
        List.of("a", "b", "c", "d", "e", "f"), rows.stream().map(r -> r.outcome().id()).toList());
    for (int i : new int[] {0, 3, 4}) {
      assertInstanceOf(ManifestRow.class, rows.get(i).outcome());
    }
    for (int i : new int[] {1, 2, 5}) {
      String why = assertInstanceOf(Rejection.class, rows.get(i).outcome()).message();
      assertTrue(why.contains("line " + (i + 1) + " of m.jsonl"), why);
    }
  }

  @Test
  void aFileWithoutAnyLineThatCanBeReadNamesTheFirst() throws IOException {
    refused(
        LocalSpark.text(folder.resolve("p.jsonl"), "{'prompt':'p'}", "{'prompt':'q'}"),
        "no readable line has prompt; line 1 of p.jsonl is not JSON");
    refused(
        LocalSpark.text(folder.resolve("n.jsonl"), "{\"id\":1,\"prompt\":NaN}"),
        "Non-standard token 'NaN' (column");
  }

  @Test
  void joinedFilesMayHaveByteOrderMarksInside() throws IOException {
    String line =
        "\uFEFF{\"id\":\"%s\",\"prompt\":\"p\",\"image_paths\":null,\"_corrupt_record\":1}";
    Path manifest =
        LocalSpark.text(folder.resolve("m.jsonl"), line.formatted("a"), line.formatted("b"));
    for (PlannedRow row : spark.planned(manifest)) {
      assertInstanceOf(ManifestRow.class, row.outcome());
    }
    String[] others = spark.open(manifest).passedThrough().fieldNames();
    assertEquals(List.of("_corrupt_record"), List.of(others));
  }

  @Test
  void columnsOfTheProgramAreRefused() throws IOException {
    String why = "has a name of this program's own columns";
    refused(
        LocalSpark.text(
            folder.resolve("m.jsonl"),
            "{\"prompt\":\"p\",\"image_paths\":null,\"__glm_image_problem\":\"x\"}",
            "x"),
        why);
    refused(
        LocalSpark.text(folder.resolve("m.csv"), "prompt,image_paths,__glm_image_index", "p,,1"),
        why);
  }

  @Test
  void aGzipFileThatIsCutOffIsNamedOnce() throws IOException {
    Path whole = gzip("w.csv.gz", "prompt,image_paths\n" + "p,\n".repeat(3));
    byte[] bytes = Files.readAllBytes(whole);
    Path cut = Files.write(folder.resolve("c.csv.gz"), Arrays.copyOf(bytes, bytes.length - 6));
    String message = assertThrows(UsageException.class, () -> spark.open(cut)).getMessage();
    assertEquals("Cannot read file:" + cut + ": its gzip data are damaged or cut off", message);
  }

  private static void refused(Path manifest, String why) {
    String message = assertThrows(UsageException.class, () -> spark.open(manifest)).getMessage();
    assertTrue(message.contains(why), message);
  }

  @Test
  void filesThatAreNotJsonLinesAreNamed() throws IOException {
    String object = "{\"prompt\": \"p\"}";
    refused(Files.writeString(folder.resolve("a.json"), "[" + object + "]"), "JSON array");
    refused(
        Files.writeString(folder.resolve("b.json"), "{\n  \"prompt\": \"p\"\n}\n"),
        "objects have several lines");
    refused(
        Files.writeString(folder.resolve("c.jsonl"), object, StandardCharsets.UTF_16), "UTF-16");
    refused(
        Files.writeString(folder.resolve("d.csv"), "prompt,image_paths", StandardCharsets.UTF_16LE),
        "UTF-16LE");
    refused(Files.createFile(folder.resolve("e.tsv")), "empty");
    refused(gzip("f.jsonl.gz", ""), "empty");
  }
}
