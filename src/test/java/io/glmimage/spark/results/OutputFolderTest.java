package io.glmimage.spark.results;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.glmimage.error.UsageException;
import io.glmimage.io.Storage;
import io.glmimage.output.OutputLayout;
import io.glmimage.output.OutputOptions;
import io.glmimage.spark.LocalUnderScheme;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.security.AccessControlException;
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
  void resumeKeepsResultsAndWhatIsMadeFromThem() throws IOException {
    writeResults();
    folder.prepare(options(false, true));
    assertTrue(storage.exists(paths.results() + "/part-0.parquet"));
    assertTrue(storage.exists(paths.folder("shards")));
    assertTrue(storage.exists(paths.batchOutput()));
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
  void aFileAndAFolderBelowAFileAreRefused() throws IOException {
    write(temp + "/file");
    for (String output : List.of(temp + "/file", temp + "/file/out/deep")) {
      OutputFolder file = new OutputFolder(storage, output);
      assertEquals(
          "Cannot write to " + output + ": file:" + temp + "/file is a file, not a folder",
          assertThrows(UsageException.class, file::check).getMessage());
    }
  }

  @Test
  void aFolderIsTriedWithoutLeavingATrace() throws IOException {
    new OutputFolder(storage, temp + "/new/deep").check();
    folder.check();
    assertEquals(List.of(), storage.names(temp.toString()));
  }

  @Test
  void aFullOrReadOnlyDiskIsNamed() throws Exception {
    assumeTrue(run("mount", "-t", "tmpfs", "-o", "size=32k", "tmpfs", temp), "needs root");
    try {
      String message =
          "Cannot write to %s/out: %s; correct this and run the command again"
              .formatted(temp, "%s");
      OutputFolder out = new OutputFolder(storage, temp + "/out");
      assertEquals(
          message.formatted("No space left on device"),
          assertThrows(UsageException.class, out::check).getMessage());
      assertTrue(run("mount", "-o", "remount,ro", temp));
      assertEquals(
          message.formatted("Read-only file system"),
          assertThrows(UsageException.class, out::check).getMessage());
      assertEquals(List.of(), storage.names(temp.toString()));
    } finally {
      assertTrue(run("umount", temp));
    }
  }

  private static boolean run(Object... command) throws Exception {
    List<String> words = Arrays.stream(command).map(Object::toString).toList();
    return Files.isExecutable(Path.of("/bin/mount"))
        && new ProcessBuilder(words).redirectErrorStream(true).start().waitFor() == 0;
  }

  @Test
  void aFolderThatMayNotBeWrittenIsNamed() throws IOException {
    String output = "denied://x" + temp + "/out";
    Configuration denying = new Configuration();
    denying.set("fs.denied.impl", Denied.class.getName());
    OutputFolder denied = new OutputFolder(new Storage(denying), output);
    assertEquals(
        "Cannot write to " + output + ": permission denied in denied://x" + temp,
        assertThrows(UsageException.class, denied::check).getMessage());
  }

  @Test
  void whatIsAboveTheOutputFolderNeedNotBeReadable() throws IOException {
    Configuration limited = new Configuration();
    limited.set("fs.limited.impl", Limited.class.getName());
    new OutputFolder(new Storage(limited), "limited://x" + temp + "/images/out").check();
  }

  /** A store whose credentials are for the folder {@code out} only. */
  public static final class Limited extends LocalUnderScheme {
    @Override
    public String getScheme() {
      return "limited";
    }

    @Override
    public org.apache.hadoop.fs.FileStatus getFileStatus(org.apache.hadoop.fs.Path path)
        throws IOException {
      if (path.getName().equals("_run") && !path.getParent().getName().equals("out")) {
        throw new AccessControlException("Permission denied: " + path);
      }
      return super.getFileStatus(path);
    }
  }

  /** The local disk of another user. */
  public static final class Denied extends LocalUnderScheme {
    @Override
    public String getScheme() {
      return "denied";
    }

    @Override
    public boolean mkdirs(org.apache.hadoop.fs.Path folder) throws IOException {
      throw new AccessControlException("Permission denied: user=a, access=WRITE, inode=/");
    }
  }

  @Test
  void filesOfOthersAreNotReplaced() throws IOException {
    for (String name : List.of("images/cat.png", "results/sales.csv", "shards/0.tar")) {
      Path own = Files.createDirectories(temp.resolve(name.replace('/', '-')));
      write(own + "/" + name);
      OutputFolder output = new OutputFolder(storage, own.toString());
      String message = assertThrows(UsageException.class, output::check).getMessage();
      assertTrue(
          message.contains(
              name.substring(0, name.indexOf('/'))
                  + " has files that no run of this program has written"),
          message);
      // Any run leaves this folder.
      Files.createDirectories(own.resolve("_run"));
      output.check();
    }
    write(temp + "/notes.txt");
    folder.check();
  }

  @Test
  void anOutputFolderIsNotInAFolderOfAnotherRun() throws IOException {
    Files.createDirectories(temp.resolve("_run"));
    for (String inside : List.of("images", "results/again", "changes/x/y", "_run/x", "shards")) {
      OutputFolder nested = new OutputFolder(storage, temp + "/" + inside);
      String message = assertThrows(UsageException.class, nested::check, inside).getMessage();
      assertTrue(message.contains("it is in the output folder of another run"), message);
      assertTrue(message.endsWith("choose an --output outside of file:" + temp), message);
    }
    // Nothing there is ever replaced.
    new OutputFolder(storage, temp + "/second/images").check();
  }

  @Test
  void sourceImagesAreNotWhereTheRunWrites() throws IOException {
    for (String images : List.of("images", "images/x", "changes", "results")) {
      String message =
          assertThrows(
                  UsageException.class,
                  () -> folder.checkInputs(null, null, temp + "/" + images),
                  images)
              .getMessage();
      assertTrue(message.contains("the run replaces files in"), message);
    }
    folder.checkInputs(null, null, temp + "/photos");
  }

  @Test
  void imageNamesAreAsciiWhereTheLocaleHasNoOthersAndStaySo() throws IOException {
    OutputLayout letters = folder.layoutFor(1);
    assertEquals(storage.canName(temp + "/é日"), !letters.ascii());
    storage.write(letters.asciiMarker(), new byte[] {'{', '}'});
    assertTrue(folder.layoutFor(1).ascii());
  }

  @Test
  void whatTheRunReadsIsNotWhereItWrites() throws IOException {
    write(temp + "/rows/part-0.parquet", temp + "/model/model_index.json", temp + "/rows.csv");
    Path link = Files.createSymbolicLink(temp.resolve("link"), temp.resolve("rows"));
    Map<String, String> refused =
        Map.of(
            temp + "/rows", "it is in the folder of the manifest",
            temp + "/rows/out", "it is in the folder of the manifest",
            link + "/out", "it is in the folder of the manifest",
            temp + "/model", "it is in the folder of the model",
            temp + "/model/x/y", "it is in the folder of the model");
    for (Map.Entry<String, String> output : refused.entrySet()) {
      OutputFolder there = new OutputFolder(storage, output.getKey());
      String message =
          assertThrows(
                  UsageException.class,
                  () -> there.checkInputs(temp + "/rows", temp + "/model", null),
                  output.getKey())
              .getMessage();
      assertTrue(message.contains(output.getValue()), message);
    }
    for (String own : List.of("results", "images/x.jsonl", "_run/orphans", "pictures")) {
      String message =
          assertThrows(
                  UsageException.class, () -> folder.checkInputs(temp + "/" + own, null, null), own)
              .getMessage();
      assertTrue(message.contains("the run replaces files in " + temp), message);
    }
    folder.checkInputs(temp + "/rows.csv", temp + "/model", temp.toString());
    new OutputFolder(storage, temp + "/rows-out").checkInputs(temp + "/rows", null, null);
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
