package io.glmimage.job;

import static org.apache.spark.sql.functions.countDistinct;
import static org.apache.spark.sql.functions.max;
import static org.apache.spark.sql.functions.min;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.JobException;
import io.glmimage.error.UsageException;
import io.glmimage.manifest.EditDefaults;
import io.glmimage.manifest.InternalColumns;
import io.glmimage.manifest.ManifestOptions;
import io.glmimage.manifest.ManifestOptions.Place;
import io.glmimage.manifest.ResultRows;
import io.glmimage.spark.manifest.CatalogTable;
import io.glmimage.spark.manifest.ManifestTable;
import io.glmimage.spark.results.CatalogResults;
import io.glmimage.spark.results.CatalogResults.Mode;
import io.glmimage.spark.results.ResultsTable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Manifests and results that are tables of Spark catalogs: Iceberg, Delta, and plain Parquet. */
@Tag("spark")
class TablesJobTest {
  private static final Map<String, String> SETTINGS = new TreeMap<>();
  private static final Map<String, String> BEFORE = new TreeMap<>();

  @TempDir static Path warehouse;
  private static Session session;
  private static SparkSession spark;

  @TempDir Path folder;
  private final JobConsole job = new JobConsole();

  @BeforeAll
  static void startSession() {
    SETTINGS.put("spark.sql.catalog.ice", "org.apache.iceberg.spark.SparkCatalog");
    SETTINGS.put("spark.sql.catalog.ice.type", "hadoop");
    SETTINGS.put("spark.sql.catalog.ice.warehouse", warehouse.resolve("ice").toString());
    SETTINGS.put("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension");
    SETTINGS.put(
        "spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog");
    SETTINGS.put("spark.sql.catalog.absent", "org.example.AbsentCatalog");
    SETTINGS.put("spark.sql.warehouse.dir", warehouse.resolve("plain").toString());
    SETTINGS.put("spark.sql.shuffle.partitions", "1");
    SETTINGS.forEach(
        (key, value) -> {
          String before = System.setProperty(key, value);
          if (before != null) {
            BEFORE.put(key, before);
          }
        });
    session = Session.open("local[2]", "test");
    spark = session.spark();
    spark.sql("CREATE NAMESPACE ice.db");
    spark.sql("CREATE DATABASE db");
  }

  @AfterAll
  static void stopSession() {
    session.close();
    SETTINGS.keySet().forEach(System::clearProperty);
    BEFORE.forEach(System::setProperty);
  }

  @BeforeEach
  void writeSourceImages() throws IOException {
    for (int i = 0; i < 2; i++) {
      Files.write(folder.resolve(i + ".png"), JobConsole.png(32, 64, 40 * i));
    }
  }

  /** Makes a manifest table of two good rows and one that the model refuses. */
  private void manifest(String table, String format) {
    spark.sql("DROP TABLE IF EXISTS " + table);
    spark.sql(
        "CREATE TABLE "
            + table
            + " (id STRING, prompt STRING, image_paths ARRAY<STRING>, label INT) USING "
            + format);
    spark.sql(
        "INSERT INTO "
            + table
            + " VALUES ('b', 'p', array('F/0.png'), 1), ('a', 'p', array('F/0.png', 'F/1.png'), 2),"
                .replace("F", folder.toString())
            + " ('c', 'refuse', array('F/1.png'), 3)".replace("F", folder.toString()));
  }

  private int edit(String manifest, String results, String... more) {
    List<String> args =
        new ArrayList<>(
            List.of("--manifest-table", manifest, "--output", folder.resolve("out").toString()));
    args.addAll(List.of("--results-table", results));
    args.addAll(List.of(more));
    return job.run(args.toArray(String[]::new));
  }

  private static List<String> lines(String query) {
    return spark.sql(query).collectAsList().stream().map(row -> row.mkString(" ")).toList();
  }

  @Test
  void rowsOfAnIcebergTableAreEditedOnceAndMergedById() {
    rowsAreEditedOnceAndMergedById("ice.db", "iceberg");
  }

  /** Delta reads its log in many Spark jobs. */
  @Test
  @Tag("slow")
  void rowsOfADeltaTableAreEditedOnceAndMergedById() {
    rowsAreEditedOnceAndMergedById("db", "delta");
  }

  private void rowsAreEditedOnceAndMergedById(String database, String format) {
    String rows = database + ".rows_" + format;
    String edits = database + ".edits_" + format;
    manifest(rows, format);
    if (format.equals("delta")) {
      spark.conf().set("spark.sql.sources.default", "delta");
    }
    assertEquals(2, edit(rows, edits), job::err);
    spark.conf().set("spark.sql.sources.default", "parquet");
    assertTrue(job.err().contains("3 rows written to the results table"), job.err());
    // The rows of a table are in the order of their ids.
    assertEquals(
        List.of("0 a OK 2", "1 b OK 1", "2 c FAILED 3"),
        lines("SELECT row_index, id, status, label FROM " + edits + " ORDER BY id"));
    Row failed = spark.read().parquet(folder + "/out/failed-rows").head();
    assertEquals("c", failed.getAs("id"));

    if (format.equals("iceberg")) {
      assertEquals(0, edit(rows, edits, "--keep-failed", "--failed-rows-exit-code=0"), job::err);
      assertEquals(0, job.edited());
      assertTrue(job.err().contains("3 of 3 rows are already finished"), job.err());
      assertTrue(job.err().contains("0 rows written to the results table"), job.err());
    }

    spark.sql("UPDATE " + rows + " SET prompt = 'q', label = 4 WHERE id = 'c'");
    spark.sql("INSERT INTO " + rows + " VALUES ('d', 'p', array('" + folder + "/1.png'), 5)");
    assertEquals(0, edit(rows, edits), job::err);
    assertEquals(2, job.edited());
    assertEquals(
        List.of("a OK 2", "b OK 1", "c OK 4", "d OK 5"),
        lines("SELECT id, status, label FROM " + edits + " ORDER BY id"));
    assertEquals(List.of("2"), lines("SELECT count(DISTINCT run) FROM " + edits));
  }

  @Test
  void appendKeepsARowForEachRun() {
    manifest("ice.db.rows", "iceberg");
    assertEquals(2, edit("ice.db.rows", "ice.db.log", "--results-table-mode=append"), job::err);
    assertEquals(2, edit("ice.db.rows", "ice.db.log", "--results-table-mode=append"), job::err);
    // The finished rows keep their run; the failed row was tried twice.
    assertEquals(
        List.of("a 1", "b 1", "c 2"),
        lines("SELECT id, count(DISTINCT run) FROM ice.db.log GROUP BY id ORDER BY id"));
    assertEquals(1, edit("ice.db.rows", "ice.db.log"), job::err);
    assertTrue(job.err().contains("it has 2 rows with the id c"), job.err());

    // As a manifest, the table has its newest rows.
    String[] validate = {"validate", "--manifest-table", "ice.db.log", "--result-rows=all"};
    assertEquals(0, job.run(validate), job::err);
    assertTrue(job.out().contains("3 rows, 0 bad"), job.out());
  }

  @Test
  void appendWritesRowsWithoutARunOnce() throws IOException {
    manifest("ice.db.once", "iceberg");
    assertEquals(2, edit("ice.db.once", "ice.db.runs", "--results-table-mode=append"), job::err);
    spark.sql("UPDATE ice.db.runs SET run = NULL");
    String copy = folder.resolve("copy").toString();
    spark.table("ice.db.runs").write().parquet(copy + "/results");
    ResultsTable results = ResultsTable.open(spark, session.storage(), copy);
    CatalogResults table =
        new CatalogResults(spark, CatalogTable.of("--results-table", "ice.db.runs"), Mode.APPEND);
    assertEquals(0, table.write(results));
    spark.sql("DELETE FROM ice.db.runs WHERE id = 'a'");
    assertEquals(1, table.write(results));

    spark.sql("DROP TABLE ice.db.runs");
    assertEquals(
        "Cannot write results table ice.db.runs: it was removed while the job ran; all rows are in"
            + " the output folder: run the same command again to write only the table",
        assertThrows(JobException.class, () -> table.write(results)).getMessage());
  }

  @Test
  void aRunReadsOneVersionOfAnIcebergTable() {
    aRunReadsOneVersion("ice.db.pinned", "iceberg");
  }

  @Test
  @Tag("slow")
  void aRunReadsOneVersionOfADeltaTable() {
    aRunReadsOneVersion("db.pinned", "delta");
  }

  private void aRunReadsOneVersion(String rows, String format) {
    manifest(rows, format);
    ManifestTable first = open(rows);
    spark.sql("INSERT INTO " + rows + " VALUES ('d', 'p', array(), 5)");
    assertEquals(3, first.identify().size());
    ManifestTable second = open(rows);
    assertEquals(4, second.identify().size());
    assertEquals(second.source(), open(rows).source());
    assertFalse(first.source().equals(second.source()));

    // A version has the columns of its time.
    spark.sql("ALTER TABLE " + rows + " ADD COLUMN note STRING");
    assertEquals(List.of("label", "note"), List.of(open(rows).passedThrough().fieldNames()));
  }

  private ManifestTable open(String table) {
    ManifestOptions options =
        new ManifestOptions(
            table, Map.of(), List.of(), null, null, ResultRows.EDITED, Place.TABLE, null);
    EditDefaults defaults = new EditDefaults(7, 20, 1.5, null, null, 1 << 20);
    return ManifestTable.open(spark, session.storage(), options, defaults);
  }

  @Test
  void theRowsOfALargeTableAreNumberedOnceAndWithoutGaps() {
    int count = 60_000;
    spark.conf().set("spark.sql.shuffle.partitions", "8");
    // It would merge these partitions, because they are small.
    spark.conf().set("spark.sql.adaptive.enabled", "false");
    try {
      spark
          .range(0, count, 1, 8)
          .selectExpr("concat('row ', id) AS id", "'p' AS prompt", "array('/a.png') AS image_paths")
          .write()
          .saveAsTable("db.large");
      Row numbers =
          open("db.large")
              .identify()
              .planned("model")
              .agg(
                  countDistinct(InternalColumns.INDEX),
                  min(InternalColumns.INDEX),
                  max(InternalColumns.INDEX))
              .head();
      assertEquals(RowFactory.create((long) count, 0L, count - 1L), numbers);
    } finally {
      spark.conf().set("spark.sql.shuffle.partitions", "1");
      spark.conf().unset("spark.sql.adaptive.enabled");
    }
  }

  @Test
  void aColumnWithNestedNamesThatDifferOnlyInCaseIsRefusedUnlessItIsDropped() {
    spark.sql(
        "CREATE VIEW db.cases AS SELECT '/0.png' image_paths, 'p' prompt,"
            + " array(named_struct('k', 1, 'K', 2)) m");
    String message = assertThrows(UsageException.class, () -> open("db.cases")).getMessage();
    assertTrue(
        message.startsWith(
            "Cannot use manifest db.cases: column m has names that differ only in case: m[].k and"
                + " m[].K (rename one of them"),
        message);
    ManifestOptions dropped =
        new ManifestOptions(
            "db.cases", Map.of(), List.of("m"), null, null, ResultRows.EDITED, Place.TABLE, null);
    EditDefaults defaults = new EditDefaults(7, 20, 1.5, null, null, 1 << 20);
    assertEquals(
        1, ManifestTable.open(spark, session.storage(), dropped, defaults).identify().size());
  }

  @Test
  void relativePathsNeedAFolder() {
    spark.sql("CREATE TABLE db.plain USING parquet AS SELECT '0.png' image_paths, 'p' prompt");
    assertEquals(2, job.run("validate", "--manifest-table", "db.plain"), job::err);
    assertTrue(
        job.out().contains("holds the relative path 0.png, and a table has no folder"), job.out());
    String images = folder.toString();
    assertEquals(
        0, job.run("validate", "--manifest-table", "db.plain", "--image-folder", images), job::err);
    assertEquals(
        1, job.run("validate", "--manifest-table", "db.plain", "--image-folder", images + "/none"));
    assertTrue(job.err().contains("--image-folder " + images + "/none: there is no"), job.err());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "db.none | Cannot read manifest table db.none: there is no such table",
        "other.db.none | there is no such table, or no such catalog or database",
        "absent.db.rows | catalog absent needs the class org.example.AbsentCatalog, which is not on"
            + " the class path",
        "s3a://bucket/rows | Invalid --manifest-table: s3a://bucket/rows, expected the name",
        "db. | Invalid --manifest-table: db., expected the name",
        "db.lacking | Cannot use manifest db.lacking: column image_paths is missing"
      })
  void tablesThatCannotBeReadAreNamed(String table, String message) {
    spark.sql("CREATE TABLE IF NOT EXISTS db.lacking USING parquet AS SELECT 'p' prompt");
    assertEquals(1, job.run("validate", "--manifest-table", table), job::err);
    assertTrue(job.err().contains(message), job.err());
  }

  @Test
  void resultsTablesThatCannotBeWrittenStopTheRunBeforeAnyWork() {
    manifest("ice.db.some", "iceberg");
    spark.sql("CREATE TABLE db.narrow (id STRING, run STRING) USING parquet");
    assertEquals(1, edit("ice.db.some", "db.narrow"), job::err);
    assertTrue(
        job.err().contains("Cannot write results table db.narrow: it lacks the columns row_index"),
        job.err());
    assertEquals(1, edit("ice.db.some", "ice.db.some"), job::err);
    assertTrue(job.err().contains("Cannot write results into the manifest table"), job.err());
    assertEquals(1, edit("ice.db.some", "absent.db.x"), job::err);
    assertTrue(job.err().contains("org.example.AbsentCatalog"), job.err());
    assertFalse(Files.exists(folder.resolve("out")));

    // A table without MERGE takes rows in the other mode.
    assertEquals(2, edit("ice.db.some", "db.edits", "--results-table-mode=append"), job::err);
    assertEquals(List.of("3"), lines("SELECT count(*) FROM db.edits"));
    assertEquals(1, edit("ice.db.some", "db.edits"), job::err);
    assertTrue(job.err().contains("takes --results-table-mode append"), job.err());
  }

  @Test
  void oneManifestIsNeeded() {
    assertEquals(1, job.run("validate"));
    assertTrue(job.err().contains("give --manifest PATH or --manifest-table NAME"), job.err());
    assertEquals(1, job.run("validate", "--manifest=x", "--manifest-table=y"));
    assertTrue(job.err().contains("not both"), job.err());
    assertEquals(1, job.run("validate", "--manifest-table=y", "--manifest-format=csv"));
    assertTrue(job.err().contains("a table of a catalog has no file format"), job.err());
  }
}
