package io.glmimage.spark.results;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.JobException;
import io.glmimage.output.EditedImageFormat;
import io.glmimage.output.OutputLayout;
import io.glmimage.quality.QualityOptions;
import io.glmimage.spark.TinySpark;
import io.glmimage.spark.manifest.IdentifiedRows;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("spark")
@Tag("resume")
class ResultsCommitTest extends TinySpark {
  private static final String FIRST = "20260101T000000000Z-00000001";
  private static final String SECOND = "20260102T000000000Z-00000002";
  private static final String THIRD = "20260103T000000000Z-00000003";
  private static final String FOURTH = "20260104T000000000Z-00000004";

  @TempDir private Path temp;
  private Path folder;
  private ResultsFixture fixture;
  private OutputLayout output;

  @BeforeEach
  void open() {
    folder = temp.resolve("out");
    fixture = new ResultsFixture(spark, temp);
    output = new OutputLayout(folder.toString());
  }

  private void commit(IdentifiedRows manifest, String run, EditedImageFormat format)
      throws IOException {
    commit(manifest, run, format, () -> {});
  }

  private void commit(
      IdentifiedRows manifest, String run, EditedImageFormat format, Runnable stillHeld)
      throws IOException {
    ResultsCommit commit = fixture.commit(output);
    commit.begin();
    commit.commit(
        new ResultsCommit.Table(
            manifest,
            fixture.planned(manifest),
            format,
            QualityOptions.DEFAULT.limits(),
            run,
            "made of " + run),
        stillHeld);
  }

  @Test
  void theTableHasFilesOfEqualNumbersOfRowsInManifestOrder() throws Exception {
    IdentifiedRows manifest = fixture.manifest("d", "a", "c", "b");
    fixture.finish(
        output,
        FIRST,
        fixture.done("a", FIRST, ".png"),
        fixture.done("b", FIRST, ".png"),
        fixture.done("c", FIRST, ".png"),
        fixture.failed("d", FIRST));
    commit(manifest, FIRST, EditedImageFormat.PNG);
    List<String> files =
        ResultsFixture.tree(folder.resolve("results")).stream()
            .filter(f -> f.endsWith(".parquet"))
            .toList();
    assertEquals(2, files.size());
    List<String> ids =
        files.stream()
            .flatMap(f -> spark.read().parquet(output.results() + "/" + f).collectAsList().stream())
            .map(row -> row.getAs("row_index") + " " + row.getAs("id") + " " + row.getAs("label"))
            .toList();
    assertEquals(List.of("0 d ld", "1 a la", "2 c lc", "3 b lb"), ids);

    TableMarker marker = TableMarker.read(fixture.storage, output);
    assertEquals(new TableMarker(FIRST, 4, 3, 1, "rename", "made of " + FIRST), marker);
    ResultsCommit commit = fixture.commit(output);
    assertTrue(commit.isCurrent(4, "made of " + FIRST));
    assertFalse(commit.isCurrent(5, "made of " + FIRST));
    assertFalse(commit.isCurrent(4, "something else"));
  }

  @Test
  void orphansOfTwoRunsComeBackWithTheirRows() throws Exception {
    fixture.manifest("a", "b", "c");
    fixture.finish(
        output,
        FIRST,
        fixture.done("a", FIRST, ".png"),
        fixture.done("b", FIRST, ".png"),
        fixture.done("c", FIRST, ".png"));
    commit(fixture.manifest("a", "b"), SECOND, EditedImageFormat.PNG);
    assertEquals(List.of(SECOND), fixture.storage.names(output.orphans()));
    commit(fixture.manifest("a"), THIRD, EditedImageFormat.PNG);
    assertEquals(Set.of("a"), fixture.table(output).keySet());
    // The third run stores the orphans of the second run again, beside its own.
    assertEquals(List.of(THIRD), fixture.storage.names(output.orphans()));
    assertEquals(List.of("a " + FIRST, "b " + FIRST, "c " + FIRST), fixture.newest(output));

    commit(fixture.manifest("c", "b", "a"), FOURTH, EditedImageFormat.PNG);
    assertEquals(Set.of("a", "b", "c"), fixture.table(output).keySet());
    assertEquals(List.of(), fixture.storage.names(output.orphans()));
  }

  @Test
  void orphansOfTwoRunsThatACrashLeftAreMerged() throws Exception {
    IdentifiedRows all = fixture.manifest("a", "b", "c");
    fixture.finish(output, FIRST, fixture.done("b", FIRST, ".png"));
    fixture.finish(output, SECOND, fixture.done("b", SECOND, ".png"));
    // Two folders of orphans with result rows of the same id.
    for (String run : List.of(FIRST, SECOND)) {
      spark
          .read()
          .schema(ResultsTable.schema(new StructType()))
          .json(output.ledger() + "/" + run)
          .write()
          .parquet(output.orphans() + "/" + run);
      fixture.storage.delete(output.ledger() + "/" + run);
    }
    fixture.finish(
        output, THIRD, fixture.done("a", THIRD, ".png"), fixture.done("c", THIRD, ".png"));
    assertEquals(List.of("a " + THIRD, "b " + SECOND, "c " + THIRD), fixture.newest(output));
    commit(all, THIRD, EditedImageFormat.PNG);
    assertEquals(Set.of("a", "b", "c"), fixture.table(output).keySet());
    assertTrue(fixture.table(output).get("b").contains("sha b" + SECOND));
  }

  @Test
  void aCommitThatMissesARowRemovesNothing() throws Exception {
    IdentifiedRows manifest = fixture.manifest("a", "b");
    fixture.finish(output, FIRST, fixture.done("a", FIRST, ".jp2"));
    List<String> before = ResultsFixture.tree(folder);
    String message =
        assertThrows(JobException.class, () -> commit(manifest, SECOND, EditedImageFormat.PNG))
            .getMessage();
    assertTrue(
        message.startsWith(
            "Cannot account for all rows: the manifest had 2, the result table has 1;"),
        message);
    assertTrue(ResultsFixture.tree(folder).containsAll(before));
    assertNull(TableMarker.read(fixture.storage, output));
    assertEquals(List.of("a " + FIRST), fixture.newest(output));

    // The next run has the missing row.
    fixture.finish(output, THIRD, fixture.done("b", THIRD, ".png"));
    commit(manifest, THIRD, EditedImageFormat.PNG);
    assertEquals(Set.of("a", "b"), fixture.table(output).keySet());
  }

  @Test
  void aRunThatLostItsLockRemovesNothing() throws Exception {
    IdentifiedRows manifest = fixture.manifest("a");
    fixture.finish(output, FIRST, fixture.done("a", FIRST, ".png"));
    commit(manifest, FIRST, EditedImageFormat.PNG);
    fixture.finish(output, SECOND, fixture.done("a", SECOND, ".jpg"));
    List<String> before = ResultsFixture.tree(folder);
    before = before.stream().filter(f -> !f.equals("results/_SUCCESS")).toList();
    JobException lost = new JobException("lost");
    assertEquals(
        lost,
        assertThrows(
            JobException.class,
            () ->
                commit(
                    manifest,
                    SECOND,
                    EditedImageFormat.JPEG,
                    () -> {
                      throw lost;
                    })));
    assertTrue(ResultsFixture.tree(folder).containsAll(before));
  }

  @Test
  void anUnknownMarkerNeverCostsAResultRow() throws Exception {
    IdentifiedRows manifest = fixture.manifest("a", "b");
    fixture.finish(
        output, FIRST, fixture.done("a", FIRST, ".png"), fixture.done("b", FIRST, ".png"));
    commit(manifest, FIRST, EditedImageFormat.PNG);
    String expected = fixture.table(output).toString();
    for (String marker : List.of("", "not JSON", "{\"rows\": 2}", "[]")) {
      Files.writeString(folder.resolve("results/_SUCCESS"), marker);
      assertFalse(fixture.commit(output).isCurrent(2, "made of " + FIRST), marker);
      commit(manifest, SECOND, EditedImageFormat.PNG);
      assertEquals(expected, fixture.table(output).toString(), marker);
    }
  }

  @Test
  void imagesInReplacedFormatsAreRemovedAlsoIfTheFormatIsUnknown() throws Exception {
    IdentifiedRows manifest = fixture.manifest("a", "b");
    fixture.finish(
        output,
        FIRST,
        fixture.done("a", FIRST, ".jp2"),
        fixture.done("b", FIRST, ".png"),
        fixture.done("c", FIRST, ".jp2"));
    fixture.finish(
        output, SECOND, fixture.done("a", SECOND, ".jpg"), fixture.done("b", SECOND, ".jpg"));
    commit(manifest, SECOND, EditedImageFormat.JPEG);
    assertEquals(List.of("a.jpg", "b.jpg", "c.jp2"), ResultsFixture.tree(folder.resolve("images")));
  }

  @Test
  void beginRemovesTheMarkerAndHalfWrittenFiles() throws Exception {
    fixture.storage.write(output.results() + "/_SUCCESS", new byte[0]);
    fixture.storage.write(output.results() + "/_temporary/0/x", new byte[1]);
    fixture.storage.write(output.results() + "/part-0.parquet", new byte[1]);
    fixture.storage.write(output.unfinished() + "/.x.tmp", new byte[1]);
    fixture.commit(output).begin();
    assertEquals(List.of("part-0.parquet"), ResultsFixture.tree(folder.resolve("results")));
    assertEquals(List.of(), ResultsFixture.tree(folder.resolve("_run/unfinished")));
  }
}
