package io.glmimage.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.spark.FullDisk;
import io.glmimage.spark.WatchedFileSystem;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Jobs whose output folder fails while they run. */
@Tag("spark")
class PlaceJobTest extends SharedSession {
  private static final int ROWS = 60;
  private static final String NAME = "place";
  private static final String FULL = "No space left on device";

  private final JobConsole job = new JobConsole();
  private Path disk;
  private Path local;
  private String output;
  private String manifest;

  @BeforeEach
  void manifest() throws IOException {
    spark
        .sparkContext()
        .hadoopConfiguration()
        .set("fs.watched.impl", WatchedFileSystem.class.getName());
    disk = Files.createDirectory(folder.resolve("disk"));
    local = disk.resolve("out");
    output = "watched://" + NAME + local;
    WatchedFileSystem.watch(NAME, change -> {});
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < ROWS; i++) {
      lines
          .append("{\"id\": \"r")
          .append(i)
          .append("\", \"prompt\": \"p\", \"image_paths\": null, \"height\": 32, \"width\": 32}\n");
    }
    manifest = Files.writeString(folder.resolve("rows.jsonl"), lines).toString();
  }

  /** Calls an action before the first change that matches. */
  private static void before(String change, WatchedFileSystem.Watcher action) {
    Pattern pattern = Pattern.compile(change);
    AtomicBoolean done = new AtomicBoolean();
    WatchedFileSystem.watch(
        NAME,
        now -> {
          if (pattern.matcher(now).find() && done.compareAndSet(false, true)) {
            action.before(now);
          }
        });
  }

  /** The disk is full from a change on. */
  private void fullFrom(String change, boolean real) {
    if (real) {
      before(change, now -> fill());
      return;
    }
    AtomicBoolean full = new AtomicBoolean();
    Pattern pattern = Pattern.compile(change);
    WatchedFileSystem.watch(
        NAME,
        now -> {
          if (pattern.matcher(now).find()) {
            full.set(true);
          }
          if (full.get() && now.startsWith("finish")) {
            // As Hadoop's local file system does.
            throw FullDisk.error();
          }
        });
  }

  private void fill() {
    byte[] page = new byte[4096];
    try (OutputStream ballast = Files.newOutputStream(disk.resolve("ballast"))) {
      while (true) {
        ballast.write(page);
      }
    } catch (IOException e) {
      assertTrue(e.getMessage().contains(FULL), e.getMessage());
    }
  }

  private void assertFails(String path) throws IOException {
    assertEquals(ExitCode.JOB_FAILED, job.edit(manifest, output), job::err);
    assertTrue(job.err().contains("Cannot write " + output + path), job.err());
    assertTrue(
        job.err().contains(": " + FULL + "; correct this and run the command again\n"), job.err());
    assertFalse(job.err().contains("\tat "), job.err());
    assertFalse(Files.exists(local.resolve("_run/lock.json")));
    WatchedFileSystem.watch(NAME, change -> {});
    Files.deleteIfExists(disk.resolve("ballast"));
  }

  @Test
  void aDiskThatFillsUpAtAnyMomentFailsTheJobAndALaterRunGoesOn() throws Exception {
    // A real disk needs root; otherwise the Error of Hadoop stands in for it.
    boolean real = run("mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs");
    try {
      // 1. While rows are edited.
      fullFrom("rename .*/_run/unfinished/", real);
      assertFails("/");

      // 2. In the commit.
      fullFrom("create .*/results/_temporary/", real);
      assertFails("/results");
      assertFalse(Files.exists(local.resolve("results/_SUCCESS")));

      // 3. While the report is written.
      fullFrom("create " + local + "/\\.[^/]+\\.tmp", real);
      assertFails("/metrics.json");
      assertEquals(0, job.edited(), "the second run finished all rows");
      assertTrue(Files.exists(local.resolve("results/_SUCCESS")));

      assertEquals(0, job.edit(manifest, output), job::err);
      assertEquals(0, job.edited());
      assertEquals(ROWS, JobConsole.results(spark, local.toString()).size());
      for (String file : new String[] {"report.html", "metrics.json", "summary.json"}) {
        assertTrue(Files.exists(local.resolve(file)), file);
      }
    } finally {
      if (real) {
        assertTrue(run("umount"));
      }
    }
  }

  private boolean run(String... command) throws Exception {
    List<String> words = new ArrayList<>(List.of(command));
    words.add(disk.toString());
    return Files.isExecutable(Path.of("/bin/mount"))
        && new ProcessBuilder(words).redirectErrorStream(true).start().waitFor() == 0;
  }

  @Test
  void theAttemptsOfTheOptionHoldForTheReport() throws IOException {
    String metrics = "create " + local + "/\\.[^/]+\\.tmp";
    fails(metrics);
    assertEquals(ExitCode.JOB_FAILED, job.edit(manifest, output, "--io-attempts=1"), job::err);
    assertTrue(job.err().contains("timed out"), job.err());

    fails(metrics);
    assertEquals(0, job.edit(manifest, output, "--io-attempts=2"), job::err);
    assertEquals(0, job.edited());
  }

  private static void fails(String change) {
    before(
        change,
        now -> {
          throw new IOException("timed out");
        });
  }

  @Test
  void aWrongStateAfterTheCommitIsNotTheFaultOfTheCommand() throws IOException {
    before("delete .*/_run/lines", now -> Files.delete(local.resolve("results/_SUCCESS")));

    assertEquals(ExitCode.JOB_FAILED, job.edit(manifest, output), job::err);

    assertTrue(job.err().contains("holds no finished result table"), job.err());
    WatchedFileSystem.watch(NAME, change -> {});
    assertEquals(0, job.edit(manifest, output), job::err);
    assertEquals(0, job.edited());
  }

  @Test
  void aSourceImageAmongTheEditedImagesIsNotReplaced() throws IOException {
    byte[] source = JobConsole.png(32, 32, 7);
    Files.createDirectories(local.resolve("_run"));
    Files.createDirectories(local.resolve("images"));
    Files.write(local.resolve("images/a.png"), source);
    Files.writeString(
        folder.resolve("again.jsonl"),
        "{\"id\": \"a\", \"prompt\": \"p\", \"image_paths\": \"disk/out/images/a.png\"}\n");

    assertEquals(2, job.edit(folder + "/again.jsonl", local.toString(), "--verbose"), job::err);

    assertTrue(
        job.err()
            .contains(
                "is in a folder that this run writes to, and may be replaced; choose another --output"),
        job.err());
    assertEquals(0, job.edited());
    assertEquals(source.length, Files.size(local.resolve("images/a.png")));
  }

  @Test
  void anUnknownFileSystemIsNamedBeforeAnyWork() {
    assertEquals(ExitCode.USAGE, job.edit(manifest, "nowhere://x/out"));
    assertEquals(
        "Cannot open the file system of nowhere://x/out: none is known for nowhere://; correct the"
            + " path, or add the library of the file system to the class path (spark.jars)",
        job.err().lines().findFirst().orElse(""));
    assertFalse(job.err().contains("\tat "), job.err());

    assertEquals(ExitCode.USAGE, job.edit(manifest, "nowhere://x/out", "--verbose"));
    assertTrue(job.err().contains("\tat "), job.err());
  }
}
