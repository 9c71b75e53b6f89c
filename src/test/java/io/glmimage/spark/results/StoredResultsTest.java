package io.glmimage.spark.results;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.io.StoredFile;
import io.glmimage.output.OutputLayout;
import io.glmimage.output.ResultColumn;
import io.glmimage.spark.TinySpark;
import io.glmimage.spark.manifest.ResultManifest;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.spark.sql.Encoders;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("spark")
class StoredResultsTest extends TinySpark {
  private static final String OLD = "20260101T000000000Z-00000001";
  private static final String NEW = "20260102T000000000Z-00000002";
  private static final String FUTURE = "29991231T235959999Z-ffffffff";

  @TempDir private Path temp;
  private ResultsFixture fixture;
  private OutputLayout output;
  private StoredResults stored;

  @BeforeEach
  void open() {
    fixture = new ResultsFixture(spark, temp);
    output = new OutputLayout(temp.resolve("out").toString());
    stored = fixture.stored(output);
  }

  @Test
  void theResultRowOfTheLatestRunCounts() throws Exception {
    fixture.finish(output, NEW, fixture.done("a", NEW, ".png"), fixture.failed("b", NEW));
    fixture.finish(
        output,
        OLD,
        fixture.done("a", OLD, ".png"),
        fixture.done("b", OLD, ".png"),
        fixture.done("c", OLD, ".png"));
    assertEquals(List.of("a " + NEW, "b " + NEW, "c " + OLD), fixture.newest(output));
    assertEquals(3, stored.countIds(List.of()));
  }

  @Test
  void successCountsIfARunHasTwoResultRowsOfAnId() throws Exception {
    fixture.finish(output, NEW, fixture.failed("a", NEW), fixture.done("a", NEW, ".png"));
    assertEquals(
        List.of("OK"),
        stored.newestRows(List.of(ResultColumn.STATUS)).select("status").collectAsList().stream()
            .map(row -> row.getString(0))
            .toList());
  }

  @Test
  void anEmptyFolderHasNoResultRows() throws Exception {
    assertTrue(stored.isEmpty());
    assertEquals(List.of(), fixture.newest(output));
    assertEquals(0, stored.finishedRows(NEW));
    fixture.finish(output, NEW, fixture.done("a", NEW, ".png"));
    assertFalse(stored.isEmpty());
    assertFalse(stored.areInTable());
  }

  @Test
  void failedRowsAreNotCountedAsFinished() throws Exception {
    fixture.finish(output, OLD, fixture.done("z", OLD, ".png"));
    fixture.finish(output, NEW, fixture.done("a", NEW, ".png"), fixture.failed("b", NEW));
    assertEquals(1, stored.finishedRows(NEW));
  }

  @Test
  void aNewRunHasAGreaterNameThanAnyEarlierOne() throws Exception {
    assertTrue(stored.newRun().compareTo(NEW) > 0);
    fixture.finish(output, FUTURE, fixture.done("a", FUTURE, ".png"));
    String name = stored.newRun();
    assertTrue(name.compareTo(FUTURE) > 0, name);
  }

  @Test
  void extensionsOfEarlierRunsMayHaveDigitsAndBeUnknown() throws Exception {
    fixture.finish(
        output,
        OLD,
        fixture.done("a", OLD, ".png"),
        fixture.done("b", OLD, ".jp2"),
        fixture.done("c.d/e", OLD, ".7z"),
        fixture.failed("f", OLD));
    fixture.finish(output, NEW, fixture.done("a", NEW, ".webp"));
    assertEquals(Set.of(".png", ".jp2", ".7z"), stored.extensionsBefore(NEW));
  }

  @Test
  void pathsFollowAMovedOutputFolder() {
    OutputLayout moved = new OutputLayout("s3a://b/$1/moved");
    List<String> paths = new ArrayList<>();
    ResultManifest.rebased(
            spark
                .createDataset(
                    List.of("file:/a/images/out/images/x.png", "file:/out/images/0f/y.webp", "z"),
                    Encoders.STRING())
                .toDF("output_path"),
            moved)
        .collectAsList()
        .forEach(row -> paths.add(row.getString(0)));
    assertEquals(
        List.of("s3a://b/$1/moved/images/x.png", "s3a://b/$1/moved/images/0f/y.webp", "z"), paths);
  }

  @Test
  void aRunAloneHasNoEarlierExtensions() throws Exception {
    fixture.finish(output, NEW, fixture.done("a", NEW, ".png"));
    assertTrue(stored.areAllOf(NEW, stored.tableFiles()));
    assertEquals(Set.of(), stored.extensionsBefore(NEW));
  }

  @Test
  void rowsInWorkAreReadFromAllJournals() throws Exception {
    String journal = "{\"state\":\"working\",\"process\":\"p\",\"rows\":[\"%s\",\"%s\"]}";
    fixture.storage.write(
        output.journal() + "/" + OLD + "/0/1.json",
        journal.formatted("a", "b").getBytes(StandardCharsets.UTF_8));
    fixture.storage.write(
        output.journal() + "/" + NEW + "/3/2.json",
        journal.formatted("b", "c").getBytes(StandardCharsets.UTF_8));
    assertEquals(Map.of("a", OLD, "b", NEW, "c", NEW), stored.runsInWork());
  }

  @Test
  void manyLedgerFilesAreReadInGroups() {
    List<StoredFile> files = new ArrayList<>();
    for (int i = 0; i < 300; i++) {
      files.add(new StoredFile("f" + i, i == 10 ? 40L << 20 : 1, 0, null));
    }
    List<List<String>> groups = StoredResults.groups(files);
    assertEquals(List.of(11, 256, 33), groups.stream().map(List::size).toList());
    assertEquals("f0", groups.get(0).get(0));
    assertEquals("f299", groups.get(2).get(32));
  }
}
