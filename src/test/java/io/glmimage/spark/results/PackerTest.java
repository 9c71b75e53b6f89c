package io.glmimage.spark.results;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.glmimage.io.Retries;
import io.glmimage.io.Storage;
import io.glmimage.output.EditedImageFormat;
import io.glmimage.output.OutputLayout;
import io.glmimage.output.ResultRow;
import io.glmimage.quality.QualityOptions;
import io.glmimage.spark.TinySpark;
import io.glmimage.spark.WatchedFileSystem;
import io.glmimage.spark.manifest.IdentifiedRows;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("spark")
class PackerTest extends TinySpark {
  private static final String RUN = "20260101T000000000Z-00000001";

  @TempDir private Path temp;
  private Path folder;
  private OutputLayout output;

  /** A table of five rows, of which c failed. */
  @BeforeEach
  void writeTable() throws IOException {
    folder = temp.resolve("out");
    output = new OutputLayout(folder.toString());
    ResultsFixture fixture = new ResultsFixture(spark, temp);
    IdentifiedRows manifest = fixture.manifest("a", "b", "c", "d", "e");
    fixture.finish(
        output,
        RUN,
        image(fixture.done("a", RUN, ".png")),
        image(fixture.done("b", RUN, ".png")),
        fixture.failed("c", RUN),
        image(fixture.done("d", RUN, ".png")),
        image(fixture.done("e", RUN, ".png")));
    for (String id : List.of("a", "b", "d", "e")) {
      Files.writeString(folder.resolve("images/" + id + ".png"), "image " + id);
    }
    ResultsCommit commit = fixture.commit(output);
    commit.begin();
    commit.commit(
        new ResultsCommit.Table(
            manifest,
            fixture.planned(manifest),
            EditedImageFormat.PNG,
            QualityOptions.DEFAULT.limits(),
            RUN,
            "made of"),
        () -> {});
  }

  /** The result row with the path of its image in the output folder. */
  private ResultRow image(ResultRow row) {
    ResultRow.EditedFile file = row.edited();
    return new ResultRow(
        row.row(),
        null,
        new ResultRow.EditedFile(
            folder + "/" + file.path(), file.sha256(), file.height(), file.width()),
        row.verdict(),
        row.times(),
        row.model(),
        row.origin());
  }

  private void pack(Packing packing, int shardRows) throws IOException {
    pack(packing, shardRows, new ResultsFixture(spark, temp).storage, output);
  }

  private void pack(Packing packing, int shardRows, Storage storage, OutputLayout place)
      throws IOException {
    ResultsTable table = ResultsTable.open(spark, storage, output.root());
    new Packer(spark, storage, place)
        .pack(
            table, new EditedImageOptions(packing, EditedImageFormat.PNG, 90, shardRows, false), 5);
  }

  @Test
  void filesArePackedOnlyIfAsked() throws Exception {
    pack(Packing.FILES, 2);
    assertFalse(Files.exists(folder.resolve("shards")));
    assertFalse(Files.exists(folder.resolve("_run/packed")));
  }

  @Test
  void tasksTryAFileAsOftenAsTheStorageSays() throws Exception {
    Storage storage = new Storage(spark.sparkContext().hadoopConfiguration(), new Retries(7, 1));
    AtomicInteger left = WatchedFileSystem.failFirst("pack", 6);
    pack(Packing.WEBDATASET, 2, storage, new OutputLayout("watched://pack" + folder));
    assertEquals(0, left.get());
    assertEquals(3, ResultsFixture.tree(folder.resolve("shards")).size());
  }

  @Test
  void shardsHoldTheSuccessfulRowsOfTheirPartOfTheManifest() throws Exception {
    pack(Packing.WEBDATASET, 2);
    assertEquals(
        List.of(
            "shard-000000-of-000003.tar",
            "shard-000001-of-000003.tar",
            "shard-000002-of-000003.tar"),
        ResultsFixture.tree(folder.resolve("shards")));
    Map<String, byte[]> second =
        Tars.untar(Files.readAllBytes(folder.resolve("shards/shard-000001-of-000003.tar")));
    assertEquals(
        List.of("000000000003.json", "000000000003.png", "000000000003.txt"),
        List.copyOf(second.keySet()));
    assertEquals("image d", text(second.get("000000000003.png")));
    assertEquals("p d", text(second.get("000000000003.txt")));
    assertEquals(
        new ObjectMapper()
            .readTree(
                """
                {"row_index": 3, "id": "d", "prompt": "p d", "image_paths": ["0.png"],
                 "width": 96, "height": 64, "seed": 7, "num_inference_steps": 20,
                 "guidance_scale": 1.5, "model": "m", "columns": {"label": "ld"}}
                """),
        new ObjectMapper().readTree(second.get("000000000003.json")));
  }

  @Test
  void theParquetTableHoldsTheImagesInManifestOrder() throws Exception {
    pack(Packing.PARQUET, 2);
    List<Row> rows = spark.read().parquet(folder + "/pictures").collectAsList();
    assertEquals(
        List.of("a", "b", "d", "e"), rows.stream().map(r -> r.<String>getAs("id")).toList());
    assertArrayEquals(
        "image e".getBytes(StandardCharsets.UTF_8), rows.get(3).<byte[]>getAs("image"));
    assertEquals("{\"label\":\"ld\"}", rows.get(2).getAs("columns"));
    assertEquals(
        List.of(
            "row_index",
            "id",
            "prompt",
            "image_paths",
            "width",
            "height",
            "seed",
            "num_inference_steps",
            "guidance_scale",
            "model",
            "columns",
            "image"),
        List.of(rows.get(0).schema().fieldNames()));
  }

  @Test
  void completePackedImagesOfTheSameTableStay() throws Exception {
    pack(Packing.WEBDATASET, 2);
    Path shard = folder.resolve("shards/shard-000000-of-000003.tar");
    assertEquals("WEBDATASET 2 of " + RUN, Files.readString(folder.resolve("_run/packed")));
    FileTime old = FileTime.fromMillis(1_000_000_000_000L);
    Files.setLastModifiedTime(shard, old);
    pack(Packing.WEBDATASET, 2);
    assertEquals(old, Files.getLastModifiedTime(shard));

    pack(Packing.WEBDATASET, 3);
    assertFalse(Files.exists(shard));
    assertTrue(Files.exists(folder.resolve("shards/shard-000001-of-000002.tar")));
  }

  @Test
  void packedImagesWithoutTheirMarkerAreWrittenAgain() throws Exception {
    pack(Packing.WEBDATASET, 2);
    Path shard = folder.resolve("shards/shard-000000-of-000003.tar");
    byte[] whole = Files.readAllBytes(shard);
    Files.delete(folder.resolve("_run/packed"));
    Files.write(shard, new byte[1]);
    pack(Packing.WEBDATASET, 2);
    assertArrayEquals(whole, Files.readAllBytes(shard));
  }

  @Test
  void aMissingImageFailsWithItsPath() throws Exception {
    Files.delete(folder.resolve("images/d.png"));
    for (Packing packing : List.of(Packing.WEBDATASET, Packing.PARQUET)) {
      String message = assertThrows(Exception.class, () -> pack(packing, 2)).toString();
      assertTrue(message.contains("Cannot pack edited image"), message);
      assertTrue(message.contains("images/d.png"), message);
      assertFalse(Files.exists(folder.resolve("_run/packed")));
    }
  }

  @Test
  void everyPackingHasALabelAndAFolderOfItsOwn() {
    assertEquals(List.of("webdataset", "parquet"), Packing.labels());
    assertEquals(List.of("shards", "pictures"), Packing.folders());
  }

  private static String text(byte[] bytes) {
    return new String(bytes, StandardCharsets.UTF_8);
  }
}
