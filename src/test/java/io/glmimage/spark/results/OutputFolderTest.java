package io.glmimage.spark.results;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.UsageException;
import io.glmimage.io.Storage;
import io.glmimage.output.OutputLayout;
import io.glmimage.output.OutputOptions;
import java.io.IOException;
import java.nio.file.Path;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OutputFolderTest {
  private static final long MANY = OutputFolder.MOST_ROWS_IN_ONE_FOLDER + 1;

  @TempDir private Path temp;
  private final Storage storage = new Storage(new Configuration());
  private OutputFolder folder;
  private OutputLayout paths;

  @BeforeEach
  void open() {
    folder = new OutputFolder(storage, temp.toString());
    paths = folder.paths();
  }

  private OutputOptions options(boolean overwrite, boolean resume) {
    return new OutputOptions(
        temp.toString(),
        overwrite,
        resume,
        false,
        OutputOptions.ResumeCheck.FILES,
        OutputOptions.DEFAULT_COMMIT_SECONDS,
        OutputOptions.DEFAULT_LOCK_TIMEOUT_SECONDS);
  }

  private void write(String... files) throws IOException {
    for (String file : files) {
      storage.write(file, new byte[1]);
    }
  }

  private void writeResults() throws IOException {
    write(
        paths.results() + "/part-0.parquet",
        paths.ledger() + "/run/part-0.json",
        paths.images() + "/a.png",
        paths.folder("shards") + "/shard.tar",
        paths.folder("pictures") + "/part-0.parquet",
        paths.batchOutput(),
        paths.root() + "/notes.txt");
  }

  @Test
  void noResumeRefusesEarlierResults() throws IOException {
    folder.prepare(options(false, false));
    writeResults();
    String message =
        assertThrows(UsageException.class, () -> folder.prepare(options(false, false)))
            .getMessage();
    assertTrue(message.contains("it already holds results"), message);
    assertTrue(storage.exists(paths.batchOutput()));
  }

  @Test
  void resumeKeepsResultsButNotWhatIsMadeFromThem() throws IOException {
    writeResults();
    folder.prepare(options(false, true));
    assertTrue(storage.exists(paths.results() + "/part-0.parquet"));
    assertTrue(storage.exists(paths.folder("shards")));
    assertFalse(storage.exists(paths.batchOutput()));
  }

  @Test
  void overwriteRemovesAllResultsAndNothingElse() throws IOException {
    writeResults();
    folder.prepare(options(true, true));
    for (String gone :
        new String[] {
          paths.folder("shards"),
          paths.folder("pictures"),
          paths.results(),
          paths.ledger(),
          paths.images()
        }) {
      assertFalse(storage.exists(gone), gone);
    }
    assertTrue(storage.exists(paths.root() + "/notes.txt"));
  }

  @Test
  void filesOfAnInterruptedCommitAreNotResults() throws IOException {
    write(paths.results() + "/_temporary/0/x", paths.images() + "/a.png");
    folder.prepare(options(false, false));
    assertTrue(storage.exists(paths.images() + "/a.png"));
  }

  @Test
  void aFileIsRefused() throws IOException {
    write(temp + "/file");
    OutputFolder file = new OutputFolder(storage, temp + "/file");
    assertEquals(
        "Cannot write to " + temp + "/file: it is a file, not a folder",
        assertThrows(UsageException.class, file::check).getMessage());
  }

  @Test
  void manyRowsSpreadTheEditedImages() throws IOException {
    assertFalse(folder.layoutFor(MANY - 1).spread());
    assertTrue(folder.layoutFor(MANY).spread());
  }

  @Test
  void aLaterRunKeepsTheLayout() throws IOException {
    OutputLayout many = folder.layoutFor(MANY);
    assertEquals(many, folder.layoutFor(1));
  }

  @Test
  void aFolderWithResultsKeepsOneFolderWhenTheManifestGrows() throws IOException {
    write(paths.ledger() + "/run/part-0.json");
    assertFalse(folder.layoutFor(100 * MANY).spread());
  }
}
