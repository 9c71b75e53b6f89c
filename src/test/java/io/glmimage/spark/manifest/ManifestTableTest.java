package io.glmimage.spark.manifest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.UsageException;
import io.glmimage.manifest.ManifestFormat;
import io.glmimage.manifest.ManifestOptions;
import io.glmimage.manifest.ManifestRow;
import io.glmimage.manifest.Rejection;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Manifests of every format as tables. */
class ManifestTableTest extends SharedLocalSpark {
  private static String refused(Path manifest) {
    return assertThrows(UsageException.class, () -> spark.open(manifest)).getMessage();
  }

  /** The requests of a manifest, which must not depend on its format. */
  private static List<PlannedRow> requests(Path manifest) {
    List<PlannedRow> rows = spark.planned(manifest);
    rows.forEach(row -> assertInstanceOf(ManifestRow.class, row.outcome()));
    return rows;
  }

  /** Two requests, as Parquet. */
  private Path parquet() {
    StructType schema =
        new StructType()
            .add("id", DataTypes.StringType)
            .add("prompt", DataTypes.StringType)
            .add("image_paths", DataTypes.createArrayType(DataTypes.StringType))
            .add("seed", DataTypes.LongType)
            .add("height", DataTypes.IntegerType)
            .add("width", DataTypes.IntegerType)
            .add("num_inference_steps", DataTypes.ShortType)
            .add("guidance_scale", DataTypes.FloatType);
    String[] two = {"a.png", "s3a://b/sub dir/é.png"};
    String[] one = {"/m/x.png"};
    Path parquet = folder.resolve("m.parquet");
    spark
        .session()
        .createDataFrame(
            Arrays.asList(
                RowFactory.create(
                    "r-1", "say \"hi\", 😀", two, 9007199254740991L, 64, 96, (short) 9, 1.1f),
                RowFactory.create("7", "make it red", one, null, null, null, null, null)),
            schema)
        .coalesce(1)
        .write()
        .parquet(parquet.toString());
    return parquet;
  }

  @Test
  void everyFormatGivesTheSameRequests() throws IOException {
    List<PlannedRow> requests = requests(parquet());
    assertEquals(2, requests.size());

    Path json =
        LocalSpark.text(
            folder.resolve("m.jsonl"),
            "{\"id\": \"r-1\", \"prompt\": \"say \\\"hi\\\", \\ud83d\\ude00\", \"image_paths\":"
                + " [\"a.png\", \"s3a://b/sub dir/é.png\"], \"seed\": 9007199254740991,"
                + " \"height\": 64.0, \"width\": 96, \"num_inference_steps\": 9,"
                + " \"guidance_scale\": 1.1}",
            "{\"id\": 7, \"prompt\": \"make it red\", \"image_paths\": \"/m/x.png\", \"seed\":"
                + " null}");
    assertEquals(requests, requests(json));

    Path csv =
        LocalSpark.text(
            folder.resolve("m.csv"),
            "id,prompt,image_paths,seed,height,width,num_inference_steps,guidance_scale",
            "r-1,\"say \"\"hi\"\", 😀\",a.png|s3a://b/sub dir/é.png,9007199254740991,64,96,9,1.1",
            "7,make it red,\"[\"\"/m/x.png\"\"]\",,,,,");
    assertEquals(requests, requests(csv));

    Path tsv =
        LocalSpark.text(
            folder.resolve("m.tsv"),
            "id\tprompt\timage_paths\tseed\theight\twidth\tnum_inference_steps\tguidance_scale",
            "r-1\tsay \"hi\", 😀\ta.png|s3a://b/sub dir/é.png\t9007199254740991\t64\t96\t9\t1.1",
            "7\tmake it red\t/m/x.png\t\t\t\t\t");
    assertEquals(requests, requests(tsv));

    Path batch =
        LocalSpark.text(
            folder.resolve("batch.jsonl"),
            "{\"custom_id\": \"r-1\", \"method\": \"POST\", \"url\": \"/v1/images/edits\","
                + " \"body\": {\"prompt\": \"say \\\"hi\\\", 😀\", \"image\": [\"a.png\","
                + " {\"image_url\": \"s3a://b/sub dir/é.png\"}], \"seed\": 9007199254740991,"
                + " \"size\": \"96x64\", \"num_inference_steps\": 9, \"guidance_scale\": 1.1}}",
            "{\"custom_id\": \"7\", \"method\": \"POST\", \"url\": \"/v1/images/edits\", \"body\":"
                + " {\"prompt\": \"make it red\", \"image\": \"/m/x.png\"}}");
    assertEquals(requests, requests(batch));
  }

  @Test
  void aRowThatCannotBeReadIsOneRejection() throws IOException {
    Path json =
        LocalSpark.text(
            folder.resolve("m.jsonl"),
            "{\"prompt\": \"p\", \"image_paths\": \"a.png\", \"label\": 3}",
            "{\"prompt\": \"p\", \"image_paths\"",
            "{\"prompt\": \"q\", \"image_paths\": \"a.png\", \"label\": 4}");
    List<PlannedRow> rows = spark.planned(json);
    assertEquals(3, rows.size());
    Rejection rejection = assertInstanceOf(Rejection.class, rows.get(1).outcome());
    assertTrue(rejection.message().contains("line 2 of m.jsonl is not JSON"), rejection.message());
    assertEquals(1, rejection.index());
    List<Row> labels = spark.open(json).rows().select("label").collectAsList();
    assertEquals(Arrays.asList(3L, null, 4L), labels.stream().map(row -> row.get(0)).toList());
  }

  @Test
  void otherColumnsPassThroughWithTheirTypes() throws IOException {
    Path json =
        LocalSpark.text(
            folder.resolve("m.jsonl"),
            "{\"prompt\": \"p\", \"image_paths\": [], \"a.b\": {\"c\": [1.5]}, \"junk\": 1}");
    ManifestTable table =
        spark.open(new ManifestOptions(json.toString(), Map.of(), List.of("junk")));
    assertEquals("struct<a.b:struct<c:array<double>>>", table.passedThrough().simpleString());
    Row planned = table.identify().planned("model").head();
    assertEquals(1.5, planned.<Row>getAs("a.b").getList(0).get(0));
  }

  @Test
  void otherColumnsOfCsvAndTsvPassThroughAsTexts() throws IOException {
    Path csv = LocalSpark.text(folder.resolve("m.csv"), "prompt,image_paths,label", "p,,1", "p,,");
    Path tsv =
        LocalSpark.text(folder.resolve("m.tsv"), "prompt\timage_paths\tlabel", "p\t\t1", "p\t\t");
    for (Path manifest : List.of(csv, tsv)) {
      List<Row> labels = spark.open(manifest).rows().select("label").collectAsList();
      assertEquals(Arrays.asList("1", null), labels.stream().map(row -> row.get(0)).toList());
    }
  }

  @Test
  void filesOfACsvFolderHaveOneHeader() throws IOException {
    Path csv = folder.resolve("rows.csv");
    LocalSpark.text(csv.resolve("1.csv"), "prompt,image_paths", "p,a.png");
    LocalSpark.text(csv.resolve("2.csv"), "prompt,image_paths", "q,b.png");
    assertEquals(2, spark.open(csv).identify().size());
    LocalSpark.text(csv.resolve("3.csv"), "image_paths,prompt", "b.png,q");
    assertTrue(refused(csv).contains("3.csv has the columns [image_paths, prompt]"));
  }

  /** The cache of Hugging Face consists of links. */
  @ParameterizedTest
  @ValueSource(strings = {"b.csv", "a.jsonl", "b.parquet", "year=1/b.parquet"})
  void aLinkWithoutTargetIsNotALackOfRows(String name) throws IOException {
    Path rows = folder.resolve("rows");
    if (name.endsWith(".parquet")) {
      spark.session().range(1).write().parquet("file:" + rows);
    } else {
      LocalSpark.text(rows.resolve("b.jsonl"), "{\"prompt\": \"p\"}");
    }
    Files.createDirectories(rows.resolve(name).getParent());
    Files.createSymbolicLink(rows.resolve("_hidden"), Path.of("gone"));
    Files.createSymbolicLink(rows.resolve(name), Path.of("gone"));
    String end =
        " is a symbolic link whose target does not exist (fetch or copy the file again together"
            + " with what its link points to, or remove the link)";
    assertEquals("Cannot read manifest " + rows + ": " + name + end, refused(rows));
    Path link = rows.resolve(name);
    assertEquals("Cannot read manifest " + link + ": it" + end, refused(link));
  }

  @Test
  void fieldsOfJsonLinesMustNotDifferInCapitals() throws IOException {
    Path json =
        LocalSpark.text(
            folder.resolve("m.jsonl"),
            "{\"prompt\": \"p\", \"image_paths\": [], \"label\": 1}",
            "{\"prompt\": \"p\", \"image_paths\": [], \"Label\": 1}");
    assertTrue(
        refused(json).contains("some lines have the field Label and some label"), refused(json));
  }

  @ParameterizedTest
  @ValueSource(strings = {".m.jsonl", "_m.csv", ".m.parquet", "_m.parquet"})
  void aHiddenFileIsNotAManifestWithoutRows(String name) throws IOException {
    Path file = folder.resolve(name);
    if (name.endsWith("parquet")) {
      Files.copy(Path.of("src/test/resources/manifests/parquet/forms.parquet"), file);
    } else {
      LocalSpark.text(file, "{\"prompt\": \"p\", \"image_paths\": []}");
    }
    assertEquals(
        "Cannot read manifest "
            + file
            + ": Spark treats a file with this name as hidden (rename it: the name must not begin"
            + " with a dot or an underscore, or end with ._COPYING_)",
        refused(file));
  }

  @Test
  void aBatchIsRefusedAsAWhole() throws IOException {
    String line = "{\"custom_id\": \"%s\", \"url\": \"/v1/images/%s\", \"body\": {}}";
    Path batch =
        LocalSpark.text(
            folder.resolve("batch.jsonl"),
            String.format(line, "a", "edits"),
            String.format(line, "a", "generations"),
            "{\"url\": \"/v1/images/edits\", \"body\": {}}");
    assertEquals(
        "Cannot use batch "
            + batch
            + ": line 3 of batch.jsonl has no custom_id; custom_id a is on 2 lines; its lines have"
            + " different urls (make one batch for each url)",
        refused(batch));
  }

  @Test
  void aBatchHasItsOwnColumnNames() throws IOException {
    Path batch = LocalSpark.text(folder.resolve("batch.jsonl"), "{}");
    ManifestOptions options =
        new ManifestOptions(
            batch.toString(), Map.of("prompt", "caption"), List.of(), ManifestFormat.OPENAI_BATCH);
    UsageException e = assertThrows(UsageException.class, () -> spark.open(options));
    assertEquals("Invalid --columns: an OpenAI batch has fixed column names", e.getMessage());
  }

  @Test
  void aCustomIdLikeTheIdOfAnotherImageConcernsOnlyTheseRows() throws IOException {
    String line =
        "{\"custom_id\": \"%s\", \"url\": \"/v1/images/edits\", \"body\": {\"prompt\": \"p\","
            + " \"image\": \"a.png\", \"n\": %d}}";
    Path batch =
        LocalSpark.text(
            folder.resolve("batch.jsonl"),
            line.formatted("r2#1", 1),
            line.formatted("r2", 2),
            line.formatted("r2##1", 1),
            line.formatted("s", 2));
    assertEquals(6, spark.open(batch).identify().size());
    List<String> ids = spark.open(batch).rows().select("id").as(Encoders.STRING()).collectAsList();
    assertEquals(
        List.of("r2##1", "r2###1", "r2#1", "r2#2", "s#1", "s#2").stream().sorted().toList(),
        ids.stream().sorted().toList());
  }

  @Test
  void aManifestThatCannotBeReadIsNamedWithItsFormat() throws IOException {
    Path missing = folder.resolve("none");
    assertEquals(
        "Cannot read manifest " + missing + ": there is no such file or folder", refused(missing));
    Path text = LocalSpark.text(folder.resolve("m.txt"), "prompt");
    assertTrue(refused(text).startsWith("Cannot read manifest " + text + " as Parquet: "));
    Path empty = Files.createDirectory(folder.resolve("empty"));
    ManifestOptions csv =
        new ManifestOptions(empty.toString(), Map.of(), List.of(), ManifestFormat.CSV);
    assertEquals(
        "Cannot read manifest "
            + empty
            + ": it holds no files (write the rows there, or name another folder)",
        assertThrows(UsageException.class, () -> spark.open(csv)).getMessage());
  }

  @Test
  void pathsInAMisspeltColumnFailTheRowInsteadOfTextToImage() throws IOException {
    Path lines =
        LocalSpark.text(
            folder.resolve("m.jsonl"),
            "{\"id\":\"a\",\"prompt\":\"p\",\"image_paths\":\"a.png\"}",
            "{\"id\":\"b\",\"prompt\":\"p\",\"image_path\":\"b.png\",\"seeds\":7}",
            "{\"id\":\"c\",\"prompt\":\"p\"}");
    List<PlannedRow> rows = spark.planned(lines);
    assertInstanceOf(ManifestRow.class, rows.get(0).outcome());
    Rejection misspelt = assertInstanceOf(Rejection.class, rows.get(1).outcome());
    assertTrue(
        misspelt.message().contains("image_paths is empty, but the column image_path has a value"),
        misspelt.message());
    assertInstanceOf(ManifestRow.class, rows.get(2).outcome());
    IdentifiedRows identified = spark.open(lines).identify();
    assertEquals(1, identified.textToImage());
    assertEquals(
        List.of(
            "Warning: column seeds passes through and is not seed; to use it, give --columns"
                + " seed=seeds",
            "Warning: 1 row of 3 has no source image (text-to-image); if these should be edits,"
                + " fill in image_paths"),
        identified.notes());
  }

  @Test
  void labelsDoNotFailTextToImage() throws IOException {
    Path csv =
        LocalSpark.text(
            folder.resolve("m.csv"),
            "id,prompt,image_paths,photo",
            "a,p,,studio",
            "b,p,,studio/b",
            "c,p,,c.JPG",
            "d,p,,data:image/png;base64");
    List<PlannedRow> rows = spark.planned(csv);
    assertInstanceOf(ManifestRow.class, rows.get(0).outcome());
    for (PlannedRow row : rows.subList(1, 4)) {
      String why = assertInstanceOf(Rejection.class, row.outcome()).message();
      assertTrue(why.contains("give photo another name"), why);
    }
  }

  @Test
  void readsCsvWithAnotherDelimiter() throws IOException {
    Path csv = LocalSpark.text(folder.resolve("m.csv"), "prompt;image_paths", "p, q;a.png");
    assertTrue(refused(csv).contains("--delimiter"), refused(csv));
    ManifestOptions options = new ManifestOptions(csv.toString(), Map.of(), List.of(), null, ';');
    Row row = spark.open(options).rows().head();
    assertEquals("p, q", row.getAs("prompt"));
  }
}
