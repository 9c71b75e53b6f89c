package io.glmimage.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.glmimage.spark.Until;
import io.glmimage.spark.engine.ExecutorEngines;
import io.glmimage.spark.engine.HaltingEngines;
import io.glmimage.spark.results.ResultsTable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Runs that continue others in the same folder, however those ended. */
@Tag("spark")
@Tag("resume")
class ResumeTest extends SharedSession {
  private static final StructType SCHEMA =
      new StructType()
          .add("id", DataTypes.StringType)
          .add("image_paths", DataTypes.StringType)
          .add("prompt", DataTypes.StringType)
          .add("label", DataTypes.StringType);

  private Path output;
  private int children;
  private final JobConsole job = new JobConsole();

  @BeforeEach
  void sources() throws IOException {
    output = folder.resolve("out");
    ExecutorEngines.closeAll();
    for (int i = 0; i < 3; i++) {
      source(i + ".png", 40 * i);
    }
  }

  private void source(String name, int colour) throws IOException {
    Files.write(folder.resolve(name), JobConsole.png(64, 96, colour));
  }

  private String manifest(List<Row> rows) {
    String path = folder + "/manifest.parquet";
    spark.createDataFrame(rows, SCHEMA).coalesce(1).write().mode("overwrite").parquet(path);
    return path;
  }

  private static List<Row> rows(int count) {
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      rows.add(RowFactory.create("r" + i, i % 3 + ".png", "prompt " + i, "l" + i));
    }
    return rows;
  }

  private int edit(String manifest, String... more) {
    return editInto(manifest, output, more);
  }

  private int editInto(String manifest, Path into, String... more) {
    return job.edit(manifest, into.toString(), more);
  }

  private static Map<String, Row> results(Path output) {
    assertTrue(Files.exists(output.resolve("results/_SUCCESS")));
    return JobConsole.results(spark, output.toString());
  }

  private static String value(Row row, String column) {
    return String.valueOf(row.get(row.fieldIndex(column)));
  }

  /** Digests of all edited images by file name. */
  private static Map<String, String> images(Path output) throws Exception {
    Map<String, String> digests = new TreeMap<>();
    try (Stream<Path> files = Files.list(output.resolve("images"))) {
      for (Path file : files.toList()) {
        digests.put(file.getFileName().toString(), sha256(Files.readAllBytes(file)));
      }
    }
    return digests;
  }

  private static String sha256(byte[] bytes) throws Exception {
    return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
  }

  /** Every result row has its edited image with its digest, and nothing else is left. */
  private static void assertWhole(Path output) throws Exception {
    Map<String, String> expected = new TreeMap<>();
    for (Row row : results(output).values()) {
      if (value(row, "status").equals("OK")) {
        String path = value(row, "output_path");
        expected.put(path.substring(path.lastIndexOf('/') + 1), value(row, "output_sha256"));
      }
    }
    assertEquals(expected, images(output));
    for (String file : List.of("lines", "journal", "lock.json")) {
      assertFalse(Files.exists(output.resolve("_run").resolve(file)), file);
    }
  }

  @Test
  void theSameCommandAgainDoesNothing() throws Exception {
    String manifest = manifest(rows(11));
    assertEquals(0, edit(manifest, "--batch-size", "2"), job::err);
    assertEquals(11, job.edited());
    assertWhole(output);
    Map<String, Row> first = results(output);
    List<String> files = tableFiles(output);
    List<String> report = report(output);

    assertEquals(0, edit(manifest, "--batch-size", "3", "--partitions", "1"), job::err);

    assertEquals(0, job.edited());
    assertEquals(files, tableFiles(output), "readers of the table are not disturbed");
    assertTrue(job.err().contains("11 of 11 rows are already finished"), job.err());
    assertWhole(output);
    assertEquals(first, results(output));
    String summary = Files.readString(output.resolve("summary.json"));
    assertTrue(summary.contains("\"kept\" : 11"), summary);
    assertEquals(report, report(output), "the figures are those of the run that edited");

    // A run that died before its report; the next one has no rows to edit.
    Files.delete(output.resolve("metrics.json"));
    assertEquals(0, edit(manifest), job::err);
    assertTrue(Files.readString(output.resolve("metrics.json")).contains("\"ok\" : 11"));
  }

  private static List<String> report(Path output) throws IOException {
    return List.of(
        Files.readString(output.resolve("report.html")),
        Files.readString(output.resolve("metrics.json")));
  }

  @Test
  void aMovedFolderGivesPresentPathsAndNothingIsMadeAgain() throws Exception {
    String manifest = manifest(rows(4));
    assertEquals(0, edit(manifest), job::err);
    Path moved = Files.move(output, folder.resolve("moved"));
    Map<String, String> images = images(moved);
    List<String> files = tableFiles(moved);

    // Readers get the present paths before any further run, also of the table alone.
    for (String given : List.of(moved.toString(), moved + "/results")) {
      assertEquals(0, job.run("show", "--results", given), job::err);
      assertTrue(job.out().contains("file:" + moved + "/images/r0.png"), job.out());
      assertFalse(job.out().contains(output + "/"), job.out());
      assertEquals(
          List.of("file:" + moved + "/images/r0.png"),
          ResultsTable.open(spark, session.storage(), given).first(1).stream()
              .map(row -> row.edited().path())
              .toList());
    }

    // A further run writes a table with the present paths, once.
    assertEquals(0, editInto(manifest, moved), job::err);
    assertEquals(0, job.edited());
    assertEquals(images, images(moved));
    assertNotEquals(files, tableFiles(moved));
    assertEquals(
        "file:" + moved + "/images/r0.png", value(results(moved).get("r0"), "output_path"));
    assertTrue(Files.readString(moved.resolve("report.html")).contains("file:" + moved));
    files = tableFiles(moved);
    assertEquals(0, editInto(manifest, moved), job::err);
    assertEquals(0, job.edited());
    assertEquals(files, tableFiles(moved));
    assertFalse(Files.exists(output));

    // A table that was copied without its images keeps their paths.
    Path alone = Files.createDirectories(folder.resolve("alone"));
    Files.move(moved.resolve("results"), alone.resolve("results"));
    assertEquals(0, job.run("show", "--results", alone.toString()), job::err);
    assertTrue(job.out().contains("file:" + moved + "/images/r0.png"), job.out());
  }

  @Test
  void theSameRowsInAnotherFileGiveANewTable() throws Exception {
    assertEquals(0, edit(manifest(rows(3))), job::err);
    Map<String, Row> first = results(output);
    List<String> files = tableFiles(output);

    // Columns that are passed through may differ in the new file.
    assertEquals(0, edit(manifest(rows(3))), job::err);

    assertEquals(0, job.edited());
    assertNotEquals(files, tableFiles(output));
    assertEquals(first, results(output));
    assertWhole(output);
  }

  @Test
  void droppedColumnsGiveANewTable() throws Exception {
    String manifest = manifest(rows(3));
    assertEquals(0, edit(manifest), job::err);
    List<String> files = tableFiles(output);

    assertEquals(0, edit(manifest, "--drop-columns", "label"), job::err);

    assertEquals(0, job.edited());
    assertNotEquals(files, tableFiles(output));
    assertFalse(List.of(results(output).get("r1").schema().fieldNames()).contains("label"));
  }

  @Test
  void aTableWithoutTheMarkerOfThisProgramIsWrittenAgain() throws Exception {
    String manifest = manifest(rows(3));
    assertEquals(0, edit(manifest), job::err);

    // A run that died in its commit leaves a table without a marker.
    Path marker = output.resolve("results/_SUCCESS");
    List<String> files = tableFiles(output);
    Files.delete(marker);
    assertEquals(0, edit(manifest), job::err);
    assertNotEquals(files, tableFiles(output));
    assertEquals(0, job.edited());

    // Another program writes an empty one.
    files = tableFiles(output);
    Files.write(marker, new byte[0]);
    assertEquals(0, edit(manifest), job::err);
    assertNotEquals(files, tableFiles(output));
    assertEquals(0, job.edited());
    assertWhole(output);
  }

  /** Names and times of all files of the table. */
  private static List<String> tableFiles(Path output) throws IOException {
    List<String> found = new ArrayList<>();
    try (Stream<Path> files = Files.list(output.resolve("results"))) {
      for (Path file : files.sorted().toList()) {
        found.add(file.getFileName() + " " + Files.getLastModifiedTime(file));
      }
    }
    return found;
  }

  @Test
  void onlyRowsThatHaveChangedAreEditedAgain() throws Exception {
    List<Row> rows = rows(8);
    assertEquals(0, edit(manifest(rows)), job::err);
    Map<String, String> before = images(output);

    // A row, a source image (of two rows), another column, the order, and a new row.
    rows.set(0, RowFactory.create("r0", "0.png", "another prompt", "l0"));
    rows.set(1, RowFactory.create("r1", "1.png", "prompt 1", "another label"));
    rows.add(RowFactory.create("new", "0.png", "p", "l"));
    Collections.reverse(rows);
    source("2.png", 99);
    Files.setLastModifiedTime(folder.resolve("2.png"), FileTime.fromMillis(1_000_000_000_000L));
    assertEquals(0, edit(manifest(rows)), job::err);

    assertEquals(1 + 2 + 1, job.edited());
    assertWhole(output);
    Map<String, String> after = images(output);
    for (String id : List.of("r0", "r2", "r5")) {
      assertNotEquals(before.get(id + ".png"), after.get(id + ".png"), id);
    }
    assertEquals(before.get("r1.png"), after.get("r1.png"));
    assertEquals("another label", value(results(output).get("r1"), "label"));
    assertEquals("0", value(results(output).get("new"), "row_index"));
    assertEquals("8", value(results(output).get("r0"), "row_index"));
  }

  @Test
  void aMissingImageIsMadeAgainUnlessOnlyRowsAreCompared() throws Exception {
    String manifest = manifest(rows(4));
    assertEquals(0, edit(manifest), job::err);
    Map<String, String> images = images(output);
    Files.delete(output.resolve("images/r3.png"));

    assertEquals(0, edit(manifest, "--resume-check", "rows"), job::err);
    assertEquals(0, job.edited());
    assertEquals(0, edit(manifest), job::err);
    assertEquals(1, job.edited());
    assertEquals(images, images(output));
  }

  @Test
  void otherSettingsOrAnotherModelEditAllRowsAgain() throws Exception {
    String manifest = manifest(rows(4));
    assertEquals(0, edit(manifest), job::err);
    assertEquals(0, edit(manifest, "--steps", "7"), job::err);
    assertEquals(4, job.edited());
    assertEquals("7", value(results(output).get("r2"), "num_inference_steps"));
    assertEquals(0, edit(manifest, "--steps", "7", "--model", "other"), job::err);
    assertEquals(4, job.edited());
    assertEquals("other", value(results(output).get("r2"), "model"));

    String[] cached = {"--steps", "7", "--model", "other", "--step-cache", "0.1"};
    Map<String, String> exact = images(output);
    assertEquals(0, edit(manifest, cached), job::err);
    assertEquals(4, job.edited());
    assertNotEquals(exact.get("r2.png"), images(output).get("r2.png"));
    assertEquals(0, edit(manifest, cached), job::err);
    assertEquals(0, job.edited());

    assertEquals(0, edit(manifest, "--preset", "fast", "--model", "other"), job::err);
    assertEquals(4, job.edited());
    assertTrue(job.out().contains("\"preset\":\"fast\""), job.out());
    assertEquals("fast", value(results(output).get("r2"), "preset"));
    assertEquals("6", value(results(output).get("r2"), "num_inference_steps"));
    String[] same = {"--steps", "6", "--model", "other", "--solver", "multistep2"};
    assertEquals(0, edit(manifest, same), job::err);
    assertEquals(0, job.edited());
    assertEquals(0, edit(manifest, "--steps", "7", "--model", "other", "--solver", "euler"));
    assertEquals(exact, images(output), "the default");
    assertWhole(output);
  }

  @Test
  void imagesInAnotherFormatReplaceTheOldOnes() throws Exception {
    assertEquals(0, edit(manifest(rows(5))), job::err);
    assertEquals(0, edit(manifest(rows(4)), "--output-format", "jpeg"), job::err);
    assertEquals(4, job.edited());
    Map<String, String> images = images(output);
    assertEquals(
        List.of("r0.jpg", "r1.jpg", "r2.jpg", "r3.jpg", "r4.png"), List.copyOf(images.keySet()));
    assertEquals(0, edit(manifest(rows(4)), "--output-format", "jpeg"), job::err);
    assertEquals(0, job.edited());
    assertEquals(images, images(output));

    // Stopped in the middle of a third format, continued in the first one; r4 is back.
    List<Row> rows = rows(5);
    rows.add(RowFactory.create("bad", "0.png", "refuse", "l"));
    String[] stopping = {"--output-format", "webp", "--max-failed-rows", "0", "--partitions", "1"};
    assertEquals(3, edit(manifest(rows), stopping), job::err);
    assertTrue(images(output).containsKey("r0.webp"), images(output).toString());
    assertTrue(images(output).containsKey("r0.jpg"), images(output).toString());
    assertEquals(0, edit(manifest(rows(5))), job::err);
    assertWhole(output);
    assertEquals(
        List.of("r0.png", "r1.png", "r2.png", "r3.png", "r4.png"),
        List.copyOf(images(output).keySet()));
  }

  @Test
  void aMissingSourceImageFailsItsRowsUntilItIsBack() throws Exception {
    String manifest = manifest(rows(6));
    assertEquals(0, edit(manifest), job::err);
    byte[] source = Files.readAllBytes(folder.resolve("2.png"));
    Files.delete(folder.resolve("2.png"));
    assertEquals(0, edit(manifest, "--resume-check", "rows"), job::err);
    assertEquals(0, job.edited());
    assertEquals(2, edit(manifest), job::err);
    assertEquals(0, job.edited());
    for (String id : List.of("r2", "r5")) {
      Row row = results(output).get(id);
      assertEquals("IMAGE_NOT_FOUND", value(row, "error_class"));
      assertEquals("null", value(row, "output_path"));
    }
    Files.write(folder.resolve("2.png"), source);
    assertEquals(0, edit(manifest), job::err);
    assertEquals(2, job.edited());
    assertWhole(output);
  }

  @Test
  void rowsWithOtherParametersAreEditedAgainAndOnlyTheyCountForTheSpeed() throws Exception {
    StructType schema =
        SCHEMA
            .add("num_inference_steps", DataTypes.IntegerType)
            .add("guidance_scale", DataTypes.DoubleType)
            .add("seed", DataTypes.LongType)
            .add("width", DataTypes.IntegerType);
    List<Object[]> rows = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      rows.add(new Object[] {"r" + i, "0.png", "p", "l", 5, 1.5, 7L, 64});
    }
    assertEquals(0, edit(parameters(schema, rows)), job::err);
    Map<String, String> before = images(output);
    rows.get(1)[4] = 6;
    rows.get(2)[5] = 2.0;
    rows.get(3)[6] = 8L;
    rows.get(4)[7] = 96;
    // The option has the value that the row had: nothing changes.
    rows.get(5)[4] = null;
    assertEquals(0, edit(parameters(schema, rows), "--steps", "5"), job::err);
    assertEquals(4, job.edited());
    assertWhole(output);
    Map<String, String> after = images(output);
    for (int i = 0; i < 8; i++) {
      boolean changed = i >= 1 && i <= 4;
      assertEquals(
          !changed, before.get("r" + i + ".png").equals(after.get("r" + i + ".png")), i + "");
    }
    JsonNode metrics = new ObjectMapper().readTree(output.resolve("metrics.json").toFile());
    assertEquals(8, metrics.path("rows").asInt());
    assertEquals(
        4,
        metrics.path("rows_per_second").asDouble() * metrics.path("edit_seconds").asDouble(),
        1e-6);
  }

  private String parameters(StructType schema, List<Object[]> rows) {
    String path = folder + "/parameters.parquet";
    List<Row> all = rows.stream().map(RowFactory::create).toList();
    spark.createDataFrame(all, schema).coalesce(1).write().mode("overwrite").parquet(path);
    return path;
  }

  @Test
  void resultsOfRowsThatLeftTheManifestAreKeptForTheirReturn() throws Exception {
    assertEquals(0, edit(manifest(rows(6))), job::err);
    assertEquals(0, edit(manifest(rows(2))), job::err);
    assertEquals(2, results(output).size());
    assertEquals(0, edit(manifest(rows(3)), "--seed", "9"), job::err);
    assertEquals(3, job.edited());
    assertEquals(0, edit(manifest(rows(6)), "--seed", "9"), job::err);
    assertEquals(3, job.edited());
    assertEquals(0, edit(manifest(rows(1)), "--seed", "9"), job::err);
    assertEquals(0, edit(manifest(rows(6)), "--seed", "9"), job::err);
    assertEquals(0, job.edited());
    assertWhole(output);
  }

  @Test
  void failedRowsAreRetriedOrGivenToAnotherRun() throws Exception {
    List<Row> rows = rows(4);
    rows.add(RowFactory.create("late", "late.png", "p", "l"));
    rows.add(RowFactory.create("never", "0.png", "refuse", "l"));
    assertEquals(2, edit(manifest(rows)), job::err);
    assertEquals(5, job.edited());
    assertEquals(2, edit(manifest(rows), "--keep-failed"), job::err);
    assertEquals(0, job.edited());

    source("late.png", 5);
    Path other = folder.resolve("other");
    assertEquals(2, editInto(output + "/failed-rows", other), job::err);
    assertEquals(2, job.edited());
    assertEquals(List.of("late", "never"), List.copyOf(results(other).keySet()));
    assertEquals(1, edit(output + "/failed-rows"));
    assertTrue(job.err().contains("would lose all other rows"), job.err());

    assertEquals(2, edit(manifest(rows)), job::err);
    assertEquals(2, job.edited());
    assertWhole(output);
    assertEquals(images(other).get("late.png"), images(output).get("late.png"));
    assertEquals(
        List.of("never"),
        spark.read().parquet(output + "/failed-rows").select("id").collectAsList().stream()
            .map(row -> row.getString(0))
            .toList());
  }

  @Test
  void tooManyFailuresStopTheJobAndNothingIsLost() throws Exception {
    List<Row> rows = rows(10);
    for (int i = 0; i < 4; i++) {
      rows.set(2 * i, RowFactory.create("bad" + i, "0.png", "refuse", "l"));
    }
    String manifest = manifest(rows);
    for (String[] limit :
        new String[][] {{"--max-failed-rows", "3"}, {"--max-failed-ratio", "0.35"}}) {
      assertEquals(3, edit(manifest, limit[0], limit[1], "--failed-rows-exit-code", "0"), job::err);
      assertTrue(job.err().contains("rows failed, more than " + limit[0]), job.err());
      assertFalse(Files.exists(output.resolve("results/_SUCCESS")));
      assertFalse(Files.exists(output.resolve("_run/lock.json")));
    }
    assertEquals(
        0, edit(manifest, "--max-failed-rows", "4", "--failed-rows-exit-code", "0"), job::err);
    assertEquals(4, job.edited());
    assertWhole(output);
    // All rows that are still to do fail, which is less than half of the manifest.
    assertEquals(2, edit(manifest, "--max-failed-ratio", "0.5"), job::err);
    assertEquals(2, edit(manifest, "--overwrite"), job::err);
    assertEquals(10, job.edited());
  }

  @Test
  void aSecondRunIsRefusedWhileTheFirstOneWorks() throws Exception {
    String manifest = manifest(rows(40));
    Path log = folder.resolve("child.log");
    try (ChildJob first =
        new ChildJob(
            log, List.of("--manifest", manifest, "--output", "" + output, "--model", "slow"))) {
      Until.holds(
          "the job writes images or ends",
          () -> !first.isAlive() || Files.exists(output.resolve("images")));
      assertEquals(1, edit(manifest, "--model", "slow"));
      assertTrue(job.err().contains("another run is writing there (process "), job.err());
      assertEquals(0, job.edited());
      assertEquals(0, first.exitCode(), first.output());
    }
    assertEquals(0, edit(manifest, "--model", "slow"), job::err);
    assertEquals(0, job.edited());
    assertWhole(output);
  }

  @Test
  @Tag("slow")
  void runsThatAreKilledAgainAndAgainEndAsAnUndisturbedOne() throws Exception {
    int rows = 24;
    String manifest = manifest(rows(rows));
    Path calm = folder.resolve("calm");
    assertEquals(0, editInto(manifest, calm), job::err);
    // The images of another run are there already, and all of them must be replaced.
    assertEquals(0, edit(manifest, "--seed", "1"), job::err);
    String[] settings = {"--commit-seconds", "0", "--batch-size", "2"};

    // In the middle of the rows.
    try (ChildJob killed =
        child(manifest, List.of("-D" + FakeJob.HALT_AFTER_EDITS + "=9"), settings)) {
      assertEquals(HaltingEngines.HALTED, killed.exitCode(), killed.output());
    }
    assertTrue(Files.exists(output.resolve("_run/journal")), "rows were in work");
    // In the commit, when every row has its result.
    try (ChildJob killed = child(manifest, List.of(), settings)) {
      Path sign = output.resolve("results/_temporary");
      while (killed.isAlive() && !Files.exists(sign)) {
        Thread.onSpinWait();
      }
      killed.kill();
    }
    assertEquals(0, edit(manifest, settings), job::err);

    // Finished rows are kept. Rows that were in work at a kill are edited again: of two tasks, at
    // most four batches of two rows each.
    assertTrue(job.edited() <= 2 * 4 * 2, job.edited() + " rows edited again");
    assertWhole(output);
    assertEquals(images(calm), images(output));
    assertEquals(rows, results(output).size());
  }

  private ChildJob child(String manifest, List<String> jvm, String... settings) throws IOException {
    List<String> args = new ArrayList<>(List.of("--manifest", manifest, "--output", "" + output));
    args.addAll(List.of(settings));
    return new ChildJob(folder.resolve("child" + children++ + ".log"), jvm, null, args);
  }
}
