package io.glmimage.job;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.glmimage.image.ImageDecoder;
import io.glmimage.image.RgbImage;
import io.glmimage.output.ResultColumn;
import io.glmimage.request.EditRequest;
import io.glmimage.spark.engine.ExecutorEngines;
import io.glmimage.spark.engine.FakeEngines;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.spark.SparkExecutorInfo;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("spark")
class EditImagesJobTest extends SharedSession {
  private static final StructType SIMPLE =
      new StructType()
          .add("id", DataTypes.StringType)
          .add("image_paths", DataTypes.StringType)
          .add("prompt", DataTypes.StringType);

  /** The folder of {@link #mixedRun}. */
  @TempDir private static Path mixed;

  private static final AtomicReference<JobConsole> MIXED_JOB = new AtomicReference<>();

  private final JobConsole job = new JobConsole();

  @BeforeEach
  void sources() throws IOException {
    sources(folder);
  }

  private static void sources(Path folder) throws IOException {
    for (int i = 0; i < 3; i++) {
      Files.write(folder.resolve(i + ".png"), JobConsole.png(64, 96, 40 * i));
    }
  }

  private String manifest(StructType schema, Row... rows) {
    return manifest(folder, schema, rows);
  }

  private static String manifest(Path folder, StructType schema, Row... rows) {
    String path = folder + "/manifest.parquet";
    spark
        .createDataFrame(List.of(rows), schema)
        .coalesce(1)
        .write()
        .mode("overwrite")
        .parquet(path);
    return path;
  }

  private static Object value(Row row, String column) {
    return row.get(row.fieldIndex(column));
  }

  private static Map<String, String> images(String output) throws IOException {
    try (Stream<Path> files = Files.list(Path.of(output, "images"))) {
      return files.collect(
          Collectors.toMap(
              f -> f.getFileName().toString(),
              f -> {
                try {
                  return Arrays.toString(Files.readAllBytes(f));
                } catch (IOException e) {
                  throw new java.io.UncheckedIOException(e);
                }
              }));
    }
  }

  /** A manifest of two good rows and nine bad ones, and its source images. */
  private static String mixedManifest(Path folder) throws IOException {
    sources(folder);
    Files.write(folder.resolve("corrupt.png"), new byte[] {(byte) 0x89, 'P', 'N', 'G', 0});
    return manifest(
        folder,
        SIMPLE.add("height", DataTypes.IntegerType).add("label", DataTypes.StringType),
        RowFactory.create("good", "0.png", "make it red", null, "l0"),
        RowFactory.create("missing", "nope.png", "p", null, "l1"),
        RowFactory.create("corrupt", "corrupt.png", "p", null, "l2"),
        RowFactory.create("empty", "0.png", " ", null, "l3"),
        RowFactory.create("absurd", "0.png", "p", 100_000, "l4"),
        RowFactory.create("refused", "0.png", "refuse", null, "l5"),
        RowFactory.create("broken", "0.png", "break", null, "l6"),
        RowFactory.create("web", "https://example.org/x.png", "p", null, "l7"),
        RowFactory.create("folder", ".", "p", null, "l8"),
        RowFactory.create("scheme", "s9x://b/x.png", "p", null, "l9"),
        RowFactory.create("last", "1.png", "make it blue", 128, "l10"));
  }

  /** The output folder of a run of the mixed manifest, which tests share and do not change. */
  private static String mixedRun() throws IOException {
    if (MIXED_JOB.get() == null) {
      JobConsole run = new JobConsole();
      String[] options = {
        "--steps", "3", "--seed", "5", "--failed-rows-exit-code", "40", "--progress", "on"
      };
      assertEquals(40, run.edit(mixedManifest(mixed), mixed + "/out", options), run::err);
      MIXED_JOB.set(run);
    }
    return mixed + "/out";
  }

  @Test
  void badRowsFailWithAnErrorClassAndAMessage() throws IOException {
    String output = mixedRun();

    Map<String, Row> results = JobConsole.results(spark, output);
    Map<String, String> classes = new TreeMap<>();
    results.forEach(
        (id, row) -> {
          assertEquals(value(row, "status").equals("OK"), value(row, "error_class") == null);
          assertEquals(value(row, "status").equals("OK"), value(row, "error") == null);
          assertEquals(value(row, "status").equals("OK"), value(row, "output_path") != null);
          classes.put(id, String.valueOf(value(row, "error_class")));
        });
    assertEquals(
        Map.ofEntries(
            Map.entry("good", "null"),
            Map.entry("last", "null"),
            Map.entry("missing", "IMAGE_NOT_FOUND"),
            Map.entry("corrupt", "IMAGE_INVALID"),
            Map.entry("empty", "INVALID_ROW"),
            Map.entry("absurd", "INVALID_ROW"),
            Map.entry("refused", "REQUEST_REFUSED"),
            Map.entry("broken", "MODEL_ERROR"),
            Map.entry("web", "INVALID_ROW"),
            Map.entry("folder", "IMAGE_UNREADABLE"),
            Map.entry("scheme", "IMAGE_UNREADABLE")),
        classes);
    assertEquals(
        "Cannot edit row missing: file:"
            + mixed
            + "/nope.png does not exist (check image_paths;"
            + " relative paths start at the manifest's folder)",
        value(results.get("missing"), "error"));
    assertEquals(
        "Cannot edit row refused: aspect ratio 5 is over 4",
        value(results.get("refused"), "error"));
  }

  @Test
  void goodRowsAmongBadOnesAreEditedAndDescribed() throws IOException {
    String output = mixedRun();

    Map<String, Row> results = JobConsole.results(spark, output);
    Row good = results.get("good");
    assertEquals(0L, value(good, "row_index"));
    assertEquals(96, value(good, "width"));
    assertEquals(64, value(good, "height"));
    assertEquals(3, value(good, "num_inference_steps"));
    assertEquals(1.5, value(good, "guidance_scale"));
    assertEquals("glm-image-tiny", value(good, "model"));
    assertEquals("l0", value(good, "label"));
    assertEquals(List.of("0.png"), good.getList(good.fieldIndex("image_paths")));
    assertEquals("file:" + mixed + "/out/images/good.png", value(good, "output_path"));
    assertEquals(0.2, value(good, "denoise_seconds"));
    assertEquals(128, value(results.get("last"), "height"));
    RgbImage source = new RgbImage(64, 96, new byte[64 * 96 * 3]);
    EditRequest request =
        new EditRequest(
            "good", "make it red", List.of(source), null, null, 3, 1.5, (Long) value(good, "seed"));
    assertArrayEquals(
        FakeEngines.image(request).pixels(),
        ImageDecoder.decode(Files.readAllBytes(Path.of(output, "images", "good.png")), "good")
            .pixels());
    assertEquals(
        List.of("good.png", "last.png"), images(output).keySet().stream().sorted().toList());
  }

  @Test
  void failuresAreCountedOnTheConsoleAndInTheSummary() throws IOException {
    String output = mixedRun();
    JobConsole run = MIXED_JOB.get();

    assertTrue(run.err().contains("9 of 11 rows failed:"), run.err());
    assertTrue(run.err().contains("  IMAGE_NOT_FOUND: Cannot edit row missing"), run.err());
    assertTrue(run.err().contains("11/11 rows, 9 failed"), run.err());
    List<String> lines = run.out().lines().toList();
    assertEquals(2, lines.size(), run.out());
    assertTrue(lines.get(0).startsWith("11 rows: 2 ok, 9 failed, "), run.out());
    assertTrue(lines.get(0).endsWith("results in file:" + output + "/results"), run.out());
    JsonNode result = new ObjectMapper().readTree(lines.get(1).substring("RESULT ".length()));
    assertEquals("rows_failed", result.get("status").asText());
    assertEquals(40, result.get("exit_code").asInt());
    assertEquals(9, result.get("failed").asInt());
    assertEquals(1, result.get("failed_by_class").get("IMAGE_NOT_FOUND").asInt());
    assertEquals("file:" + output + "/failed-rows", result.get("failed_rows").asText());
    assertTrue(result.get("error").isNull());
    assertEquals("custom", result.get("preset").asText());
    JsonNode metrics = new ObjectMapper().readTree(Path.of(output, "metrics.json").toFile());
    assertEquals("custom", metrics.get("preset").asText());
    JsonNode summary = new ObjectMapper().readTree(Path.of(output, "summary.json").toFile());
    assertEquals(40, summary.get("exit_code").asInt());
    assertEquals(11, summary.get("rows").asInt());
    assertEquals(3, summary.get("failed_by_class").get("INVALID_ROW").asInt());
    assertEquals("3", summary.get("options").get("steps").asText());
    assertEquals(64, summary.get("options_fingerprint").asText().length());
  }

  @Test
  void aResultTableIsTheNextManifest() throws IOException {
    String output = mixedRun();

    // 1. The edited images are the sources. Failed rows have none.
    String next = folder + "/next";
    assertEquals(0, job.edit(output + "/results", next, "--columns", "prompt=label"), job::err);
    assertTrue(job.err().contains("its edited images are the source images"), job.err());
    Map<String, Row> rows = JobConsole.results(spark, next);
    assertEquals(List.of("good", "last"), List.copyOf(rows.keySet()));
    Row good = rows.get("good");
    assertEquals(
        List.of("file:" + output + "/images/good.png"),
        good.getList(good.fieldIndex("image_paths")));
    assertEquals("l0", value(good, "prompt"));
    assertEquals(3, value(good, "num_inference_steps"));

    // 2. The folder stands for its table; other rows, with the sources of the first run.
    assertEquals(
        2, job.edit(output, folder + "/all", "--result-rows", "all", "--seed", "7"), job::err);
    rows = JobConsole.results(spark, folder + "/all");
    assertEquals(11, rows.size());
    assertEquals("OK", value(rows.get("good"), "status"));
    assertEquals("l0", value(rows.get("good"), "label"));
    assertEquals("IMAGE_NOT_FOUND", value(rows.get("missing"), "error_class"));

    // 3. Not into the folder of the table.
    for (String same : List.of(output, output + "/results", output + "/failed-rows")) {
      assertEquals(1, job.edit(same, output));
      assertTrue(job.err().contains("choose another --output"), job.err());
    }
  }

  @Test
  void resultsCanBeShownAndDrawn() throws IOException {
    String output = mixedRun();
    String manifest = mixed + "/manifest.parquet";

    assertEquals(0, job.run("show", "--results", output));
    assertTrue(job.out().contains("make it blue"), job.out());
    assertTrue(job.out().contains("INVALID_ROW: Cannot edit row absurd"), job.out());
    String sheet = folder + "/sheet.png";
    assertEquals(
        0,
        job.run("contact-sheet", "--results", output, "--manifest", manifest, "--output", sheet));
    assertTrue(ImageDecoder.decode(Files.readAllBytes(Path.of(sheet)), sheet).height() > 11 * 160);
    for (String results : List.of(output, output + "/results")) {
      String same = folder + "/same.png";
      assertEquals(0, job.run("contact-sheet", "--results", results, "--output", same), job::err);
      assertArrayEquals(
          Files.readAllBytes(Path.of(sheet)),
          Files.readAllBytes(Path.of(same)),
          "the sources are found from summary.json");
    }
    Path used = Files.createDirectory(folder.resolve("used"));
    assertEquals(1, job.run("contact-sheet", "--results", output, "--output", used.toString()));
    assertTrue(job.err().contains("Invalid --output: " + used + " is a folder"), job.err());
    assertEquals(0, used.toFile().list().length);
  }

  @Test
  void resultRowsArePrintedAsJsonLines() throws IOException {
    String output = mixedRun();
    assertEquals(0, job.run("show", "--results", output, "--json", "--rows", "5"), job::err);
    List<JsonNode> rows = new ArrayList<>();
    for (String line : job.out().lines().toList()) {
      rows.add(new ObjectMapper().readTree(line));
    }
    assertEquals(5, rows.size());
    Map<String, Row> table = JobConsole.results(spark, output);
    for (JsonNode row : rows) {
      Row expected = table.get(row.get("id").textValue());
      assertEquals(expected.size(), row.size(), "every column, nulls included");
      assertEquals(value(expected, "status"), row.get("status").textValue());
      assertEquals(value(expected, "output_path"), row.get("output_path").textValue());
      assertEquals(value(expected, "error"), row.get("error").textValue());
      assertTrue(row.get("image_paths").isArray(), row.toString());
    }
  }

  @Test
  void resultsAreOverwrittenOnlyOnRequest() throws IOException {
    String manifest = mixedManifest(folder);
    String output = folder + "/out";
    assertEquals(2, job.edit(manifest, output));

    assertEquals(1, job.edit(manifest, output, "--no-resume"));
    assertTrue(job.err().contains("already holds results"), job.err());
    assertEquals(11, JobConsole.results(spark, output).size());
    assertEquals(2, job.edit(manifest, output, "--overwrite", "--seed", "6"));
    assertEquals(11, JobConsole.results(spark, output).size());
  }

  @Test
  void readsColumnsOfEveryTypeAndPassesOthersThroughUnchanged() {
    StructType schema =
        new StructType()
            .add("ID", DataTypes.LongType)
            .add("files", DataTypes.createArrayType(DataTypes.StringType))
            .add("prompt", DataTypes.StringType)
            .add("seed", DataTypes.createDecimalType(20, 0))
            .add("height", DataTypes.ShortType)
            .add("width", DataTypes.DoubleType)
            .add("num_inference_steps", DataTypes.ByteType)
            .add("guidance_scale", DataTypes.FloatType)
            .add("tags", DataTypes.createMapType(DataTypes.StringType, DataTypes.IntegerType))
            .add("box", new StructType().add("x", DataTypes.createArrayType(DataTypes.DateType)))
            .add("raw", DataTypes.BinaryType)
            .add("junk", DataTypes.StringType);
    Row full =
        RowFactory.create(
            7L,
            new String[] {"0.png", "1.png"},
            "p",
            new BigDecimal("9007199254740993"),
            (short) 64,
            128.0,
            (byte) 4,
            1.1f,
            scalaMap(),
            RowFactory.create((Object) new java.sql.Date[] {java.sql.Date.valueOf("2026-01-02")}),
            new byte[] {1, 2},
            "j");
    Row text =
        RowFactory.create(8L, null, "p", null, (short) 32, 32.0, null, null, null, null, null, "j");
    String output = folder + "/out";

    assertEquals(
        0,
        job.edit(
            manifest(schema, full, text),
            output,
            "--columns",
            "image_paths=files",
            "--drop-columns=junk"),
        job::err);

    Map<String, Row> results = JobConsole.results(spark, output);
    Row row = results.get("7");
    assertEquals(9007199254740993L, value(row, "seed"));
    assertEquals(128, value(row, "width"));
    assertEquals(4, value(row, "num_inference_steps"));
    assertEquals(1.1, value(row, "guidance_scale"));
    assertEquals(List.of("0.png", "1.png"), row.getList(row.fieldIndex("image_paths")));
    assertEquals(1, row.getJavaMap(row.fieldIndex("tags")).get("a"));
    assertEquals("2026-01-02", row.getStruct(row.fieldIndex("box")).getList(0).get(0).toString());
    assertArrayEquals(new byte[] {1, 2}, (byte[]) value(row, "raw"));
    assertEquals(32, value(results.get("8"), "height"));
    assertNull(value(results.get("8"), "tags"));
    List<String> columns = new ArrayList<>(ResultColumn.names());
    columns.addAll(List.of("tags", "box", "raw"));
    assertEquals(columns, List.of(row.schema().fieldNames()));
  }

  /** The value of a map column as Spark reads it. */
  private static Object scalaMap() {
    return spark.sql("select map('a', 1) as m").head().get(0);
  }

  @Test
  void editedImagesDoNotDependOnPartitionsOrBatches() throws IOException {
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i < 23; i++) {
      // Rows without an id, some of them equal.
      rows.add(RowFactory.create(null, i % 3 + ".png", "prompt " + i / 4));
    }
    String manifest = manifest(SIMPLE, rows.toArray(Row[]::new));
    String one = folder + "/one";
    String many = folder + "/many";
    int opened = FakeEngines.OPENED.get();
    ExecutorEngines.closeAll();

    assertEquals(0, job.edit(manifest, one, "--partitions", "1", "--batch-size", "5"), job::err);
    assertEquals(0, job.edit(manifest, many, "--partitions", "9", "--batch-size", "1"), job::err);

    assertEquals(1, FakeEngines.OPENED.get() - opened);
    assertTrue(FakeEngines.LARGEST_BATCH.get() >= 5);
    assertEquals(23, JobConsole.results(spark, one).size());
    assertEquals(images(one), images(many));
    // Equal rows are numbered, and each has its own seed.
    assertEquals(23, images(one).size());
    assertEquals(
        23,
        new HashSet<>(
                JobConsole.results(spark, one).values().stream()
                    .map(r -> value(r, "seed"))
                    .toList())
            .size());
    assertTrue(JobConsole.results(spark, one).keySet().stream().anyMatch(id -> id.endsWith("-2")));
  }

  @Test
  void unusableManifestsAreRefusedBeforeAnyWork() throws IOException {
    String output = folder + "/out";
    assertEquals(1, job.edit(folder + "/none.parquet", output));
    assertTrue(job.err().contains("there is no such file"), job.err());

    Files.writeString(folder.resolve("text.parquet"), "prompt,image_paths\n");
    assertEquals(1, job.edit(folder + "/text.parquet", output));
    assertTrue(job.err().contains("as Parquet"), job.err());

    assertEquals(
        1,
        job.edit(
            manifest(
                new StructType().add("image_paths", DataTypes.DoubleType),
                RowFactory.create((Object) null)),
            output));
    assertTrue(job.err().contains("column prompt is missing"), job.err());
    assertTrue(job.err().contains("image_paths is of type double"), job.err());

    assertEquals(
        1,
        job.edit(
            manifest(
                SIMPLE,
                RowFactory.create("a", "0.png", "p"),
                RowFactory.create("b", "0.png", "p"),
                RowFactory.create("a", "1.png", "q")),
            output));
    assertTrue(job.err().contains("1 row has the id of an earlier row (a)"), job.err());

    String good = manifest(SIMPLE, RowFactory.create("a", "0.png", "p"));
    assertEquals(1, job.edit(good, output, "--model", "missing"));
    assertTrue(job.err().contains("missing is not a folder"), job.err());
    assertFalse(Files.exists(Path.of(output)));
    assertEquals(1, job.run("show", "--results", output));
    assertTrue(job.err().contains("holds no finished result table"), job.err());
  }

  @Test
  void anEmptyManifestGivesAnEmptyTable() {
    String output = folder + "/out";
    assertEquals(0, job.edit(manifest(SIMPLE), output), job::err);
    assertEquals(0, JobConsole.results(spark, output).size());
    assertTrue(job.out().startsWith("0 rows: 0 ok, 0 failed"), job.out());
  }

  @Test
  void aRowThatIsTooLargeForTheDeviceFailsAlone() throws IOException {
    String manifest =
        manifest(
            SIMPLE,
            RowFactory.create("a", "0.png", "p"),
            RowFactory.create("c", "2.png", "too much memory"),
            RowFactory.create("d", "0.png", "p"));
    String output = folder + "/out";
    assertEquals(2, job.edit(manifest, output, "--partitions", "1", "--batch-size", "3"), job::err);
    Map<String, Row> results = JobConsole.results(spark, output);
    for (String id : List.of("a", "d")) {
      assertEquals("OK", value(results.get(id), "status"), id);
    }
    assertEquals("OUT_OF_MEMORY", value(results.get("c"), "error_class"));
    assertEquals(
        "Cannot edit row c: not enough memory on fake; ask for less",
        value(results.get("c"), "error"));
  }

  @Test
  void aModelThatDoesNotLoadFailsTheJobOnce() {
    int opened = FakeEngines.OPENED.get();
    String manifest =
        manifest(
            SIMPLE, RowFactory.create("a", "0.png", "p"), RowFactory.create("b", "0.png", "p"));
    String output = folder + "/out";
    assertEquals(
        3,
        job.edit(
            manifest,
            output,
            "--model",
            "broken",
            "--device",
            "cpu",
            "--partitions",
            "2",
            "--batch-size",
            "1"));
    assertTrue(
        job.err().contains("Cannot load model broken on cpu: tensor x has shape [1], expected [2]"),
        job.err());
    assertEquals(1, FakeEngines.OPENED.get() - opened);
    for (SparkExecutorInfo executor : spark.sparkContext().statusTracker().getExecutorInfos()) {
      assertEquals(0, executor.numRunningTasks(), "the other task has ended");
    }
    assertFalse(Files.exists(Path.of(output, "summary.json")));
    assertTrue(
        job.out().startsWith("RESULT {\"status\":\"job_failed\",\"exit_code\":3,"), job.out());
    assertTrue(job.out().contains("\"rows\":2,\"ok\":null,"), job.out());
    assertTrue(job.out().contains("\"kept\":0,"), job.out());
    assertTrue(job.out().contains("\"output\":\"file:" + output + "\""), job.out());
  }

  @Test
  void aBrokenDeviceFailsTheJobAndTheNextRunCanUseTheFolder() {
    String output = folder + "/out";
    assertEquals(3, job.edit(manifest(SIMPLE, RowFactory.create("a", "0.png", "explode")), output));
    assertTrue(job.err().contains("Cannot edit rows [a] with fake"), job.err());
    assertTrue(job.err().contains("device lost"), job.err());
    // This process is the driver, too, and is not ended.
    String lost =
        manifest(SIMPLE, RowFactory.create("a", "0.png", FakeEngines.LOSE_ONCE + folder + "/lost"));
    assertEquals(3, job.edit(lost, output));
    assertTrue(
        job.err()
            .contains(
                "Cannot continue: fake was lost: CUDA error: made up. Finished rows are kept: run"
                    + " the same command again. Rows in work: [a]"),
        job.err());
    // As the end of the process does.
    ExecutorEngines.closeAll();
    assertEquals(0, job.edit(lost, output), job::err);
  }

  @Test
  void theDemoShowsNineEditsAndOneFailure() throws IOException {
    String output = folder + "/demo";
    assertEquals(0, job.run("demo", output), job::err);
    assertEquals(10, JobConsole.results(spark, output).size());
    assertEquals(9, images(output).size());
    Row tall = JobConsole.results(spark, output).get("07-tall");
    assertEquals(128, value(tall, "width"));
    assertEquals(192, value(tall, "height"));
    assertEquals(20, value(tall, "num_inference_steps"));
    assertTrue(job.out().contains("only 10-corrupt-file failed"), job.out());
    assertTrue(Files.size(Path.of(output, "contact-sheet.png")) > 10_000);
    // A second demo replaces the first one.
    assertEquals(0, job.run("demo", output, "--seed", "2"), job::err);
    // The example is an ordinary manifest.
    String example = folder + "/example";
    assertEquals(0, job.run("example", example), job::err);
    assertEquals(2, job.edit(example + "/manifest.parquet", folder + "/edited"), job::err);
  }

  @Test
  void secretsStayOutOfTablesAndMessages() {
    String output = folder + "/out";
    String manifest =
        manifest(SIMPLE, RowFactory.create("a", "s9x://KEYID:hush-hush@bucket/x.png", "p"));
    assertEquals(2, job.edit(manifest, output));
    Row row = JobConsole.results(spark, output).get("a");
    assertFalse(row.toString().contains("hush-hush"), row.toString());
    assertFalse(job.err().contains("hush-hush"), job.err());
  }
}
