package io.glmimage.spark.manifest;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.Causes;
import io.glmimage.error.UsageException;
import io.glmimage.manifest.ManifestOptions;
import io.glmimage.manifest.ManifestRow;
import io.glmimage.manifest.Rejection;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Parquet files as other programs write them, made by {@code make_parquet_manifests.py}. */
class ParquetManifestTest extends SharedLocalSpark {
  private static final Path FIXTURES = Path.of("src/test/resources/manifests/parquet");

  private static Map<String, ManifestRow> rows(String name) {
    Map<String, ManifestRow> rows = new TreeMap<>();
    for (PlannedRow row : spark.planned(FIXTURES.resolve(name))) {
      ManifestRow good = assertInstanceOf(ManifestRow.class, row.outcome());
      rows.put(good.id(), good);
    }
    return rows;
  }

  private static Map<String, Object> column(ManifestTable table, String column) {
    Map<String, Object> values = new TreeMap<>();
    for (Row row : table.rows().collectAsList()) {
      values.put(row.getAs("id"), row.getAs(column));
    }
    return values;
  }

  private static String refused(String name, String... dropped) {
    ManifestOptions options =
        new ManifestOptions(FIXTURES.resolve(name).toString(), Map.of(), Arrays.asList(dropped));
    return assertThrows(UsageException.class, () -> spark.open(options)).getMessage();
  }

  @ParameterizedTest
  @CsvSource({"more-columns", "nulls"})
  void mergesFilesWithOtherColumns(String name) {
    Map<String, ManifestRow> rows = rows(name);
    assertEquals(List.of("a0", "a1", "b0", "b1"), List.copyOf(rows.keySet()));
    assertEquals(7, rows.get("b0").settings().seed());
    assertEquals(8, rows.get("b1").settings().seed());
    Map<String, Object> labels = column(spark.open(FIXTURES.resolve(name)), "label");
    assertEquals("{a0=null, a1=null, b0=x, b1=y}", labels.toString());
  }

  @Test
  void aColumnWithoutValuesTakesTheTypeOfTheOtherFiles() {
    assertEquals(
        "{a0=null, a1=null, b0=x, b1=y}",
        column(spark.open(FIXTURES.resolve("all-null")), "label").toString());
    for (String name : new String[] {"text-to-image.parquet", "null-lists.parquet"}) {
      rows(name).values().forEach(row -> assertEquals(List.of(), row.sources()));
    }
  }

  @Test
  void mixesWholeAndDecimalNumbersThatStayExact() {
    Map<String, ManifestRow> rows = rows("numbers");
    assertEquals(7, rows.get("a0").settings().seed());
    assertEquals(9, rows.get("b0").settings().seed());
    assertEquals(1L << 40, rows.get("c0").settings().seed());
    assertEquals(1.1, rows.get("a0").settings().guidanceScale());
    assertEquals(1.1, rows.get("b0").settings().guidanceScale());
    assertEquals(2, rows.get("c1").settings().guidanceScale());
    String message = refused("inexact");
    assertTrue(
        message.contains(
            "column seed is of type bigint in file p0.parquet and of type double in file"
                + " p1.parquet"),
        message);
  }

  @Test
  void mixesPathsAndListsOfPathsAndKindsOfIds() {
    Map<String, ManifestRow> rows = rows("lists");
    assertEquals(1, rows.get("a0").sources().size());
    assertEquals(0, rows.get("a1").sources().size());
    assertEquals(2, rows.get("b0").sources().size());
    assertEquals(0, rows.get("b1").sources().size());
    assertEquals(
        List.of("007", "18446744073709551615", "7", "8", "9", "x"),
        List.copyOf(rows("ids").keySet()));
  }

  @Test
  void aConflictNamesTheTypesThatTheFilesHave() {
    String message = refused("kinds");
    assertTrue(
        message.contains(
            "column image_paths is of type string in file p0.parquet and of type binary in file"
                + " p2.parquet"),
        message);
  }

  @Test
  void folderNamesAreTexts() {
    Map<String, ManifestRow> rows = rows("partitions");
    assertEquals(List.of("007", "1e3"), List.copyOf(rows.keySet()));
    assertEquals(1, rows.get("007").settings().seed());
    assertEquals(2, rows.get("1e3").settings().seed());
  }

  @Test
  void folderNamesAreNumbersOfFieldsThatNeedNumbers() throws IOException {
    Path manifest = folder.resolve("m");
    for (String path :
        new String[] {
          "width=064/height=1e2/guidance_scale=1.5",
          "width=__HIVE_DEFAULT_PARTITION__/height=96.0/guidance_scale=2"
        }) {
      Files.copy(
          FIXTURES.resolve("more-columns/p0.parquet"),
          Files.createDirectories(manifest.resolve(path)).resolve("p.parquet"));
    }
    assertEquals(
        "[[64,100,1.5], [64,100,1.5], [null,96,2.0], [null,96,2.0]]",
        spark
            .open(manifest)
            .rows()
            .select("width", "height", "guidance_scale")
            .orderBy(functions.desc("height"))
            .collectAsList()
            .toString());
    Files.copy(
        FIXTURES.resolve("more-columns/p0.parquet"),
        Files.createDirectories(manifest.resolve("width=x%20y/height=64.5/guidance_scale=1"))
            .resolve("p.parquet"));
    String message = assertThrows(UsageException.class, () -> spark.open(manifest)).getMessage();
    assertEquals(
        "Cannot use manifest "
            + manifest
            + ": partition folder width=x%20y: width is x y, expected a number (rename the"
            + " folder); partition folder height=64.5: height is 64.5, expected a whole number"
            + " (rename the folder)",
        message);
  }

  @Test
  void aNumberInFolderNamesMayNotBeInOtherFiles() throws IOException {
    Path manifest = Files.createDirectories(folder.resolve("m/seed=1"));
    Files.copy(FIXTURES.resolve("more-columns/p0.parquet"), manifest.resolve("a.parquet"));
    Files.copy(FIXTURES.resolve("more-columns/p1.parquet"), manifest.resolveSibling("b.parquet"));
    String message =
        assertThrows(UsageException.class, () -> spark.open(folder.resolve("m"))).getMessage();
    assertTrue(
        message.contains(
            "column seed is in the name of folders, and in file b.parquet it is of type bigint"),
        message);
  }

  @ParameterizedTest
  @CsvSource({"day=, day= lacks the value", "=x, =x lacks the column"})
  void aPartitionFolderWithoutColumnOrValueIsRefused(String name, String message)
      throws IOException {
    Files.copy(
        FIXTURES.resolve("forms.parquet"),
        Files.createDirectory(folder.resolve(name)).resolve("p.parquet"));
    String refused = assertThrows(UsageException.class, () -> spark.open(folder)).getMessage();
    assertTrue(refused.contains("the name of its partition folder " + message), refused);
  }

  /** Java would read different bytes as the same id or prompt. */
  @Test
  void aRowWithAnIdOrAPromptThatIsNotUtf8FailsAlone() {
    Path manifest = folder.resolve("bytes");
    spark
        .session()
        .sql(
            "select cast(unhex(id) as string) as id, cast(unhex(prompt) as string) as prompt,"
                + " 'a.png' as image_paths from values ('61FF', '70'), ('61FE', '70'), ('62',"
                + " '70'), ('63', '70FF'), ('EFBFBD', 'EFBFBD') as t(id, prompt)")
        .write()
        .parquet(manifest.toString());
    List<PlannedRow> planned = spark.planned(manifest);
    Map<String, String> problems = new TreeMap<>();
    for (PlannedRow row : planned) {
      if (row.outcome() instanceof Rejection rejection) {
        problems.put(rejection.id(), rejection.message());
      }
    }
    assertEquals(5, planned.stream().map(row -> row.outcome().id()).distinct().count());
    assertEquals(List.of("a\uFFFD", "a\uFFFD-2", "c"), List.copyOf(problems.keySet()));
    assertEquals(
        "Cannot edit row a\uFFFD: its id has bytes that are not UTF-8: a\uFFFD (write it again as"
            + " UTF-8)",
        problems.get("a\uFFFD"));
    assertTrue(problems.get("c").contains("its prompt has bytes that are not UTF-8: p\uFFFD"));
  }

  @Test
  void aDamagedFileIsNamedWhenItsRowsAreRead() throws IOException {
    Path file = Files.copy(FIXTURES.resolve("forms.parquet"), folder.resolve("m.parquet"));
    byte[] bytes = Files.readAllBytes(file);
    // The headers of the first pages; the footer is whole.
    Arrays.fill(bytes, 4, 200, (byte) 0);
    Files.write(file, bytes);
    ManifestTable table = spark.open(file);
    Throwable failure = assertThrows(Throwable.class, table::identify);
    assertTrue(Causes.unreadFile(failure).orElseThrow().endsWith("/m.parquet"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "conflict|column label is of type bigint in file p0.parquet and of type string in file"
            + " p1.parquet|label",
        "time64.parquet|INT64 (TIME(NANOS|created",
        "brotli.parquet|column label of file|label",
        "two-cases.parquet|which differ only in case|label",
        "nested-cases.parquet|column label of file nested-cases.parquet has names that differ only"
            + " in case: label.k and label.K (rename one of them, or leave it out|label"
      })
  void namesColumnsThatCannotBeReadAndReadsTheRowsWithoutThem(
      String name, String message, String dropped) {
    String refused = refused(name);
    assertTrue(refused.contains(message), refused);
    assertTrue(refused.contains("--drop-columns"), refused);
    ManifestOptions options =
        new ManifestOptions(FIXTURES.resolve(name).toString(), Map.of(), List.of(dropped));
    ManifestTable table = spark.open(options);
    assertEquals("a0", table.rows().collectAsList().get(0).getAs("id"));
    assertArrayEquals(new String[0], table.passedThrough().fieldNames());
  }

  @Test
  void timestampsInNanosecondsPassThroughAsWholeNumbers() {
    Path manifest = FIXTURES.resolve("nanoseconds.parquet");
    ManifestTable table = spark.open(manifest);
    assertEquals("bigint", table.passedThrough().apply("created").dataType().simpleString());
    assertTrue(
        table.warnings().get(0).contains("column created has timestamps in nanoseconds"),
        table.warnings().toString());
    for (Object value : column(table, "created").values()) {
      // Not zero, and later than 2001 in nanoseconds.
      assertTrue((Long) value > 1_000_000_000_000_000_000L, String.valueOf(value));
    }
    // They are neither numbers of a field, nor do they mix with other numbers.
    ManifestOptions mapped =
        new ManifestOptions(manifest.toString(), Map.of("seed", "created"), List.of());
    String message = assertThrows(UsageException.class, () -> spark.open(mapped)).getMessage();
    assertTrue(
        message.contains("created of file nanoseconds.parquet is of type timestamp"), message);
    assertTrue(
        spark
            .open(new ManifestOptions(manifest.toString(), Map.of(), List.of("created")))
            .warnings()
            .isEmpty());
  }

  @Test
  void refusesItsOwnColumnNames() {
    Path manifest =
        spark.parquet(
            folder.resolve("own"),
            new StructType()
                .add("prompt", "string")
                .add("image_paths", "string")
                .add("__GLM_image_problem", "string"),
            RowFactory.create("p", "a.png", "x"));
    String message = assertThrows(UsageException.class, () -> spark.open(manifest)).getMessage();
    assertTrue(message.contains("column __GLM_image_problem has a name of this program"), message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "t/_delta_log/0.json|t/day=1/hour=2|t/day=1/hour=2|/t is the folder of a Delta table",
        "t/metadata/00001-x.metadata.json|t/data/day=1|t/data/day=1|/t is the folder of an Iceberg",
        "t/metadata/version-hint.text|t/data|t/data|/t is the folder of an Iceberg table",
        "t/.hoodie/hoodie.properties|t/2024|t/2024|/t is the folder of a Hudi table",
        "x/t/.hoodie/hoodie.properties|x/t/2024|x|its folder t is the folder of a Hudi table",
        "x/a/t/_delta_log/0.json|x/a/t|x|its folder a/t is the folder of a Delta table",
        "x/t/metadata/v1.metadata.json|x/t/data|x|its folder t is the folder of an Iceberg table",
        "x/2024/.hoodie_partition_metadata|x/2024|x|its folder 2024 is the folder of a Hudi table",
        "x/2024/.hoodie_partition_metadata|x/2024|x/2024|it is the folder of a Hudi table"
      })
  void refusesPartsOfTablesAndFoldersAroundThem(
      String mark, String rows, String manifest, String message) throws IOException {
    Files.createDirectories(folder.resolve(rows));
    Files.copy(
        FIXTURES.resolve("more-columns/p0.parquet"), folder.resolve(rows).resolve("p0.parquet"));
    Files.createDirectories(folder.resolve(mark).getParent());
    Files.writeString(folder.resolve(mark), "{}");
    String refused =
        assertThrows(UsageException.class, () -> spark.open(folder.resolve(manifest))).getMessage();
    assertTrue(refused.contains(message), refused);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "brotli-prompt.parquet|column prompt of file",
        "no-paths|file p1.parquet has no column image_paths",
        "empty-file|p2.parquet: the file is empty (0 bytes)",
        "half-file|p1.parquet: its end is missing",
        "no-columns.parquet|it has no columns",
        "two-prompts.parquet|has two columns prompt (rename one of them)"
      })
  void refusesFilesThatCannotBeReadByName(String name, String message) {
    String refused = refused(name);
    assertTrue(refused.contains(message), refused);
  }

  /** Spark 3 cannot read such a file at all; Spark 4 reads its other columns. */
  @Test
  void namesFloat16AndReadsTheRowsWithoutItIfThisSparkCan() {
    String refused = refused("float16.parquet");
    String dropped =
        "is of the Parquet type FIXED_LEN_BYTE_ARRAY (FLOAT16), which Spark cannot read";
    if (spark.session().version().startsWith("3.")) {
      assertTrue(refused.contains("column score is of type float16"), refused);
      assertTrue(refused("float16.parquet", "score").contains("float16"));
    } else {
      assertTrue(refused.contains("column score of file float16.parquet " + dropped), refused);
      ManifestOptions options =
          new ManifestOptions(
              FIXTURES.resolve("float16.parquet").toString(), Map.of(), List.of("score"));
      assertEquals("a0", spark.open(options).rows().collectAsList().get(0).getAs("id"));
    }
  }

  @Test
  void readsTheFormsOfOtherPrograms() {
    Map<String, ManifestRow> rows = rows("forms.parquet");
    assertEquals(List.of("7", "8"), List.copyOf(rows.keySet()));
    assertEquals(64, rows.get("7").settings().height());
    assertEquals(2, rows.get("8").settings().seed());
    assertEquals(1, rows.get("8").sources().size());
    assertEquals(
        List.of("size", "when", "__index_level_0__"),
        List.of(spark.open(FIXTURES.resolve("forms.parquet")).passedThrough().fieldNames()));
  }

  @ParameterizedTest
  @CsvSource({
    "_delta_log/00000000000000000000.json, a Delta table",
    ".hoodie/hoodie.properties, a Hudi table",
    "metadata/v1.metadata.json, an Iceberg table"
  })
  void refusesFoldersOfTableFormats(String mark, String what) throws IOException {
    Files.copy(FIXTURES.resolve("more-columns/p0.parquet"), folder.resolve("p0.parquet"));
    Files.createDirectories(folder.resolve(mark).getParent());
    Files.writeString(folder.resolve(mark), "{}");
    String message = assertThrows(UsageException.class, () -> spark.open(folder)).getMessage();
    assertTrue(message.contains("it is the folder of " + what), message);
  }

  @ParameterizedTest
  @CsvSource({
    "rows.orc, ORC, an ORC file",
    "rows.feather, ARROW1, an Arrow (Feather) file",
    "rows.avro, Obj\u0001, an Avro file",
    "rows.csv, PAR1, a Parquet file",
    "rows.txt, id;prompt, it is a text file",
    "manifest.txt, cats/1.png, it is a list of image paths without prompts",
    "rows.csv, version https://git-lfs.github.com/spec/v1, git lfs pull",
    "rows.jsonl, <!DOCTYPE html>, an HTML page",
    "rows.bz2, BZh9, compressed with bzip2",
    "a.png, x, manifest --images"
  })
  void saysWhatAFileIsThatIsNoManifest(String name, String content, String what)
      throws IOException {
    Path file = Files.writeString(folder.resolve(name), content + "\u0001".repeat(20));
    if (name.endsWith(".txt")) {
      Files.writeString(file, content + "\nx\n");
    }
    for (Path manifest : new Path[] {file, folder}) {
      String message = assertThrows(UsageException.class, () -> spark.open(manifest)).getMessage();
      assertTrue(message.contains(what), message);
    }
  }
}
