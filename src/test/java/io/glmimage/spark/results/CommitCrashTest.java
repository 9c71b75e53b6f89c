package io.glmimage.spark.results;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.glmimage.json.Json;
import io.glmimage.output.EditedImageFormat;
import io.glmimage.output.LedgerJson;
import io.glmimage.output.OutputLayout;
import io.glmimage.output.ResultColumn;
import io.glmimage.quality.QualityOptions;
import io.glmimage.spark.TinySpark;
import io.glmimage.spark.WatchedFileSystem;
import io.glmimage.spark.manifest.IdentifiedRows;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.apache.hadoop.conf.Configuration;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.hadoop.ParquetReader;
import org.apache.parquet.hadoop.example.GroupReadSupport;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Copies the output folder before each change that a commit makes to a file or folder. Each copy is
 * what a process that is killed at that moment leaves. The test runs the next commit in each copy.
 * The commit replaces a table of two files, moves the orphans of two runs, has a failed row, and
 * replaces PNG by JPEG.
 */
@Tag("spark")
@Tag("resume")
class CommitCrashTest extends TinySpark {
  private static final String BEFORE = "20251231T000000000Z-00000000";
  private static final String FIRST = "20260101T000000000Z-00000001";
  private static final String SECOND = "20260102T000000000Z-00000002";
  private static final String THIRD = "20260103T000000000Z-00000003";
  private static final String MADE_OF = "second";

  /** Folders that are checked at the same time. */
  private static final int THREADS = 3;

  /** The result rows of the manifest and, from earlier runs, of rows that left it. */
  private static final List<String> ALL_ROWS =
      List.of(
          "a " + SECOND, "b " + SECOND, "c " + SECOND, "d " + SECOND, "x " + FIRST, "y " + BEFORE);

  private static final List<String> IMAGES = List.of("a.jpg", "b.jpg", "d.jpg", "x.png", "y.png");

  /** A configuration for each file would read Hadoop's default settings again. */
  private static final Configuration HADOOP = new Configuration();

  @TempDir private Path temp;
  private ResultsFixture fixture;
  private IdentifiedRows manifest;
  private Dataset<Row> planned;
  private Map<String, String> expected;

  /** The folder before the second run's commit. */
  private Path template() throws IOException {
    Path folder = temp.resolve("template");
    OutputLayout output = new OutputLayout(folder.toString());
    fixture = new ResultsFixture(spark, temp);
    IdentifiedRows before = fixture.manifest("a", "b", "c", "d", "x");
    fixture.finish(
        output,
        FIRST,
        fixture.done("a", FIRST, ".png"),
        fixture.done("b", FIRST, ".png"),
        fixture.done("c", FIRST, ".png"),
        fixture.done("d", FIRST, ".png"),
        fixture.done("x", FIRST, ".png"));
    fixture.finish(output, BEFORE, fixture.done("y", BEFORE, ".png"));
    ResultsCommit commit = fixture.commit(output);
    commit.begin();
    commit.commit(
        new ResultsCommit.Table(
            before,
            fixture.planned(before),
            EditedImageFormat.PNG,
            QualityOptions.DEFAULT.limits(),
            FIRST,
            "first"),
        () -> {});
    assertEquals(
        List.of("y"),
        rows(output.orphans() + "/" + FIRST).stream().map(r -> text(r, ResultColumn.ID)).toList(),
        "the orphan of the first run");

    manifest = fixture.manifest("a", "b", "c", "d");
    planned = fixture.planned(manifest);
    fixture.finish(
        output,
        SECOND,
        fixture.done("a", SECOND, ".jpg"),
        fixture.done("b", SECOND, ".jpg"),
        fixture.failed("c", SECOND),
        fixture.done("d", SECOND, ".jpg"));
    return folder;
  }

  /** The result rows in a folder of Parquet files, read without Spark. */
  private static List<Group> rows(String folder) throws IOException {
    List<Group> rows = new ArrayList<>();
    for (String name : ResultsFixture.tree(Path.of(folder))) {
      if (!name.endsWith(".parquet") || name.contains("_temporary")) {
        continue;
      }
      org.apache.hadoop.fs.Path file = new org.apache.hadoop.fs.Path("file:" + folder, name);
      try (ParquetReader<Group> reader =
          ParquetReader.builder(new GroupReadSupport(), file).withConf(HADOOP).build()) {
        for (Group row = reader.read(); row != null; row = reader.read()) {
          rows.add(row);
        }
      }
    }
    return rows;
  }

  private static String text(Group row, ResultColumn column) {
    return row.getString(column.column(), 0);
  }

  /** The rows of the result table by id, as text. */
  private static Map<String, String> table(OutputLayout output) throws IOException {
    Map<String, String> byId = new TreeMap<>();
    for (Group row : rows(output.results())) {
      String id = text(row, ResultColumn.ID);
      assertNull(byId.put(id, row.toString()), "two result rows of " + id);
    }
    return byId;
  }

  /** The newest result rows of all ids, as {@code id run}, wherever they are stored. */
  private static List<String> newest(OutputLayout output) throws IOException {
    Map<String, String> runs = new TreeMap<>();
    for (String folder : List.of(output.results(), output.orphans())) {
      for (Group row : rows(folder)) {
        runs.merge(text(row, ResultColumn.ID), text(row, ResultColumn.RUN), CommitCrashTest::later);
      }
    }
    for (String name : ResultsFixture.tree(Path.of(output.ledger()))) {
      if (name.endsWith(".json")) {
        for (String row : LedgerJson.rows(Files.readAllBytes(Path.of(output.ledger(), name)))) {
          JsonNode json = Json.MAPPER.readTree(row);
          runs.merge(
              json.get(ResultColumn.ID.column()).asText(),
              json.get(ResultColumn.RUN.column()).asText(),
              CommitCrashTest::later);
        }
      }
    }
    return runs.entrySet().stream().map(e -> e.getKey() + " " + e.getValue()).toList();
  }

  private static String later(String run, String other) {
    return run.compareTo(other) >= 0 ? run : other;
  }

  private void commit(OutputLayout output, String run) throws IOException {
    ResultsCommit commit = fixture.commit(output);
    commit.begin();
    commit.commit(
        new ResultsCommit.Table(
            manifest,
            planned,
            EditedImageFormat.JPEG,
            QualityOptions.DEFAULT.limits(),
            run,
            MADE_OF),
        () -> {});
  }

  /** A copy of the output folder before a change, as a process that is killed there leaves it. */
  private record Copy(Path folder, String when) {}

  /** Commits in a folder and returns a copy of the folder before each change. */
  private List<Copy> commitAndCopy(Path folder) throws IOException {
    List<Copy> copies = new ArrayList<>();
    WatchedFileSystem.watch(
        "commit",
        change -> {
          Path copy = temp.resolve("killed-" + copies.size());
          ResultsFixture.copy(folder, copy);
          copies.add(new Copy(copy, "killed before change " + copies.size() + ", " + change));
        });
    commit(new OutputLayout("watched://commit" + folder), SECOND);
    return copies;
  }

  /** All files of a folder with their contents, and all folders. */
  private static String content(Path folder) throws IOException {
    StringBuilder content = new StringBuilder();
    for (String name : ResultsFixture.tree(folder)) {
      Path file = folder.resolve(name);
      byte[] bytes = Files.isDirectory(file) ? new byte[0] : Files.readAllBytes(file);
      content.append(name).append(' ').append(HexFormat.of().formatHex(bytes)).append('\n');
    }
    return content.toString();
  }

  private void assertComplete(Path folder, String when) throws IOException {
    OutputLayout output = new OutputLayout(folder.toString());
    assertEquals(expected, table(output), when);
    assertEquals(ALL_ROWS, newest(output), when);
    assertEquals(IMAGES, ResultsFixture.tree(folder.resolve("images")), when + ": images");
    assertEquals(1, rows(output.failedRows()).size(), when + ": manifest of failed rows");
    for (String gone : List.of("_run/lines", "_run/journal", "results/_temporary")) {
      // An empty folder does no harm.
      Path left = folder.resolve(gone);
      for (String name : ResultsFixture.tree(left)) {
        assertTrue(Files.isDirectory(left.resolve(name)), when + ": " + gone + "/" + name);
      }
    }
  }

  /**
   * Checks a folder as a killed process left it. No result row and no edited image that counts is
   * lost. The marker stands with the whole old table or the whole new one. The ledger goes last, so
   * that a table without a marker can be made again.
   */
  private static void assertNothingLost(
      Path folder, String when, List<String> oldTable, List<String> newTable) throws IOException {
    assertEquals(ALL_ROWS, newest(new OutputLayout(folder.toString())), when);
    List<String> images = ResultsFixture.tree(folder.resolve("images"));
    assertTrue(images.containsAll(IMAGES), when + ": " + images);
    boolean marked = Files.exists(folder.resolve("results/_SUCCESS"));
    if (marked) {
      List<String> files = ResultsFixture.tree(folder.resolve("results"));
      assertTrue(files.equals(oldTable) || files.equals(newTable), when + ": marked " + files);
    }
    boolean ledger = Files.exists(folder.resolve("_run/lines/" + SECOND + "/part-0.json"));
    assertTrue(marked || ledger, when + ": neither ledger nor marker");
  }

  /**
   * @param current whether the next run has nothing to do
   */
  private record Left(Copy copy, boolean current) {}

  /**
   * The folders that differ. Many kills leave the same files, apart from temporary files, which the
   * next run removes first.
   */
  private List<Left> different(List<Copy> copies) throws IOException {
    Set<String> contents = new HashSet<>();
    List<Left> different = new ArrayList<>();
    for (Copy copy : copies) {
      ResultsCommit next = fixture.commit(new OutputLayout(copy.folder().toString()));
      boolean current = next.isCurrent(manifest.size(), MADE_OF);
      if (!current) {
        next.begin();
      }
      if (contents.add(content(copy.folder()))) {
        different.add(new Left(copy, current));
      }
    }
    return different;
  }

  /** The next run: it does nothing if the table is complete, else it commits. */
  private Void nextRun(Left left) throws IOException {
    if (!left.current()) {
      commit(new OutputLayout(left.copy().folder().toString()), THIRD);
    }
    assertComplete(left.copy().folder(), left.copy().when());
    return null;
  }

  /** One in four of the folders that differ. The slow test below runs all. */
  @Test
  void theNextRunEndsRightAfterACommitIsKilled() throws Exception {
    killAndRunAgain(4);
  }

  @Test
  @Tag("slow")
  void theNextRunEndsRightWhereverACommitIsKilled() throws Exception {
    killAndRunAgain(1);
  }

  /**
   * @param every of so many folders that differ, one is committed again; all are checked as they
   *     were left
   */
  private void killAndRunAgain(int every) throws Exception {
    Path folder = template();
    List<String> oldTable = ResultsFixture.tree(folder.resolve("results"));
    List<Copy> copies = commitAndCopy(folder);
    List<String> newTable = ResultsFixture.tree(folder.resolve("results"));
    expected = table(new OutputLayout(folder.toString()));
    assertEquals(Set.of("a", "b", "c", "d"), expected.keySet());
    assertComplete(folder, "undisturbed");
    assertTrue(copies.size() > 50, "only " + copies.size() + " changes");

    for (Copy copy : copies) {
      assertNothingLost(copy.folder(), copy.when(), oldTable, newTable);
    }
    List<Left> different = different(copies);
    assertTrue(different.size() > 15, "only " + different.size() + " different folders");
    List<Callable<Void>> runs = new ArrayList<>();
    for (int i = 0; i < different.size(); i += every) {
      Left left = different.get(i);
      runs.add(() -> nextRun(left));
    }
    ExecutorService threads = Executors.newFixedThreadPool(THREADS);
    try {
      for (Future<Void> run : threads.invokeAll(runs)) {
        run.get();
      }
    } finally {
      threads.shutdownNow();
    }
  }
}
