package io.glmimage.spark.results;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.output.EditedImageFormat;
import io.glmimage.output.OutputLayout;
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
        List.of("y " + BEFORE), ids(output.orphans() + "/" + FIRST), "the orphan of the first run");

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

  private List<String> ids(String table) {
    return spark.read().parquet(table).select("id", "run").collectAsList().stream()
        .map(row -> row.getString(0) + " " + row.getString(1))
        .sorted()
        .toList();
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
            "second"),
        () -> {});
  }

  /** A copy of the output folder before a change. */
  private record Copy(Path folder, String change) {}

  /** Commits in a folder and returns a copy of the folder before each change. */
  private List<Copy> commitAndCopy(Path folder) throws IOException {
    List<Copy> copies = new ArrayList<>();
    WatchedFileSystem.watch(
        "commit",
        change -> {
          Path copy = temp.resolve("killed-" + copies.size());
          ResultsFixture.copy(folder, copy);
          copies.add(new Copy(copy, change));
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
    assertEquals(expected, fixture.table(output), when);
    assertEquals(
        List.of("x " + FIRST, "y " + BEFORE),
        fixture.newest(output).stream().filter(r -> !r.endsWith(SECOND)).toList(),
        when + ": orphans");
    assertEquals(
        List.of("a.jpg", "b.jpg", "d.jpg", "x.png", "y.png"),
        ResultsFixture.tree(folder.resolve("images")),
        when + ": images");
    assertEquals(
        1, spark.read().parquet(output.failedRows()).count(), when + ": manifest of failed rows");
    for (String gone : List.of("_run/lines", "_run/journal", "results/_temporary")) {
      assertFalse(Files.exists(folder.resolve(gone)), when + ": " + gone);
    }
  }

  /** Checks that no result row and no edited image that counts is lost. */
  private void assertNothingLost(Path folder, String when) throws IOException {
    OutputLayout output = new OutputLayout(folder.toString());
    assertEquals(
        List.of(
            "a " + SECOND,
            "b " + SECOND,
            "c " + SECOND,
            "d " + SECOND,
            "x " + FIRST,
            "y " + BEFORE),
        fixture.newest(output),
        when);
    List<String> images = ResultsFixture.tree(folder.resolve("images"));
    assertTrue(
        images.containsAll(List.of("a.jpg", "b.jpg", "d.jpg", "x.png", "y.png")),
        when + ": " + images);
  }

  @Test
  void theNextRunEndsRightWhereverACommitIsKilled() throws Exception {
    Path folder = template();
    List<Copy> copies = commitAndCopy(folder);
    OutputLayout undisturbed = new OutputLayout(folder.toString());
    expected = fixture.table(undisturbed);
    assertEquals(Set.of("a", "b", "c", "d"), expected.keySet());
    assertComplete(folder, "undisturbed");
    List<String> tableFiles = ResultsFixture.tree(folder.resolve("results"));
    assertTrue(copies.size() > 50, "only " + copies.size() + " changes");

    Set<String> tested = new HashSet<>();
    for (int i = 0; i < copies.size(); i++) {
      Path copy = copies.get(i).folder();
      String when = "killed before change " + i + ", " + copies.get(i).change();
      if (Files.exists(copy.resolve("results/_SUCCESS"))) {
        // The new marker or, before the first changes, the marker of the old table.
        boolean isNew = i > copies.size() / 2;
        assertEquals(isNew, ResultsFixture.tree(copy.resolve("results")).equals(tableFiles), when);
      }
      fixture.commit(new OutputLayout(copy.toString())).begin();
      // Many kills leave the same files, apart from temporary files that are removed first.
      if (tested.add(content(copy))) {
        assertNothingLost(copy, when);
        commit(new OutputLayout(copy.toString()), THIRD);
        assertComplete(copy, when);
      }
    }
    assertTrue(tested.size() > 15, "only " + tested.size() + " different folders");
  }
}
