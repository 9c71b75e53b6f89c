package io.glmimage.output;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.UsageException;
import io.glmimage.io.Storage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OutputLayoutTest {
  @TempDir private Path folder;
  private final Storage storage = new Storage(new Configuration());

  @Test
  void picturesLieWhereTheirIdSays() {
    OutputLayout output = new OutputLayout("s3a://b/out//");
    assertEquals("s3a://b/out/images/r-1.png", output.image("r-1", EditedImageFormat.PNG));
    assertEquals("s3a://b/out/images/r-1.jpg", output.image("r-1", EditedImageFormat.JPEG));
  }

  @Test
  void manyPicturesAreSpreadOverFoldersAndStayWhereTheyAre() throws IOException {
    OutputLayout output = new OutputLayout(folder.toString());
    assertEquals(output, output.forRows(storage, OutputLayout.MOST_ROWS_IN_ONE_FOLDER));
    OutputLayout many = output.forRows(storage, OutputLayout.MOST_ROWS_IN_ONE_FOLDER + 1);
    String picture = many.image("r-1", EditedImageFormat.PNG);
    assertTrue(picture.matches(".*/images/[0-9a-f]{2}/r-1\\.png"), picture);
    // The key of an unchanged row stays the same.
    assertEquals(many, output.forRows(storage, 1));
    Set<String> folders = new HashSet<>();
    for (int i = 0; i < 10_000; i++) {
      String path = many.image("row-" + i, EditedImageFormat.PNG);
      folders.add(path.substring(0, path.lastIndexOf('/')));
    }
    assertEquals(256, folders.size());
  }

  @Test
  void picturesOfAFolderThatHasGrownStayInOneFolder() throws IOException {
    OutputLayout output = new OutputLayout(folder.toString());
    storage.write(output.lines() + "/run/part-0.json", new byte[1]);
    assertEquals(output, output.forRows(storage, 10_000_000));
  }

  private OutputOptions options(boolean overwrite, boolean resume) {
    return new OutputOptions(
        folder.toString(),
        overwrite,
        resume,
        false,
        OutputOptions.ResumeCheck.FILES,
        OutputOptions.DEFAULT_COMMIT_SECONDS,
        OutputOptions.DEFAULT_LOCK_TIMEOUT_SECONDS);
  }

  @Test
  void resultsAreKeptRefusedOrRemovedAsAsked() throws IOException {
    OutputLayout output = new OutputLayout(folder.toString());
    output.prepare(storage, options(false, false));
    storage.write(output.results() + "/part-0.parquet", new byte[1]);
    storage.write(output.lines() + "/run/part-0.json", new byte[1]);
    storage.write(output.images() + "/a.png", new byte[1]);
    storage.write(output.shards() + "/shard.tar", new byte[1]);
    storage.write(output.batchOutput(), new byte[1]);
    storage.write(output.root() + "/notes.txt", new byte[1]);
    String message =
        assertThrows(UsageException.class, () -> output.prepare(storage, options(false, false)))
            .getMessage();
    assertTrue(message.contains("already holds results"), message);
    output.prepare(storage, options(false, true));
    assertTrue(storage.exists(output.results() + "/part-0.parquet"));
    assertTrue(storage.exists(output.shards()));
    assertFalse(storage.exists(output.batchOutput()));
    output.prepare(storage, options(true, true));
    assertFalse(storage.exists(output.shards()));
    assertFalse(storage.exists(output.results()));
    assertFalse(storage.exists(output.lines()));
    assertFalse(storage.exists(output.images()));
    assertTrue(storage.exists(output.root() + "/notes.txt"));
  }

  @Test
  void whatAnInterruptedCommitLeftIsNoResult() throws IOException {
    OutputLayout output = new OutputLayout(folder.toString());
    storage.write(output.results() + "/_temporary/0/x", new byte[1]);
    storage.write(output.images() + "/a.png", new byte[1]);
    output.prepare(storage, options(false, false));
    assertTrue(storage.exists(output.image("a", EditedImageFormat.PNG)));
  }

  @Test
  void refusesAFileAsFolder() throws IOException {
    storage.write(folder + "/file", new byte[1]);
    assertThrows(
        UsageException.class, () -> new OutputLayout(folder + "/file").checkFolder(storage));
  }
}
