package io.glmimage.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.glmimage.spark.Until;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Processes that are told to end. */
@Tag("spark")
@Tag("resume")
class TerminationTest {
  private static final int ROWS = 260;
  private static final Pattern KEPT = Pattern.compile("(\\d+) of 260 rows are already finished");

  @TempDir private Path folder;
  private Path output;
  private int processes;

  @BeforeEach
  void manifest() throws IOException {
    output = folder.resolve("out");
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < ROWS; i++) {
      lines.append(
          "{\"id\": \"r"
              + i
              + "\", \"prompt\": \"p\", \"image_paths\": null, \"height\": 32, \"width\": 32}\n");
    }
    Files.writeString(folder.resolve("rows.jsonl"), lines);
  }

  private ChildJob start() throws IOException {
    return new ChildJob(
        folder.resolve("log-" + processes++),
        List.of(
            "--manifest",
            folder + "/rows.jsonl",
            "--output",
            output.toString(),
            "--model",
            "slow",
            "--master",
            "local[2]",
            // Without the signal, nothing would be saved before the end.
            "--commit-seconds",
            "3600"));
  }

  private long images() throws IOException {
    Path images = output.resolve("images");
    if (!Files.exists(images)) {
      return 0;
    }
    try (Stream<Path> files = Files.list(images)) {
      return files.count();
    }
  }

  /** Starts a run, and sends it a signal when there are so many edited images. */
  private String stopped(String signal, int images, int exitCode) throws Exception {
    try (ChildJob job = start()) {
      Until.holds(
          "the job has made " + images + " images or ended",
          () -> !job.isAlive() || images() >= images);
      assertTrue(job.isAlive(), job.output());
      job.signal(signal);
      assertEquals(exitCode, job.exitCode(), job.output());
      String said = job.output();
      assertTrue(said.contains("Stopping: finished rows are saved\n"), said);
      assertTrue(said.contains("Stopped; run the same command again to continue\n"), said);
      assertFalse(said.contains("\tat "), said);
      int line = said.indexOf("RESULT {");
      assertTrue(line > 0, said);
      assertFalse(said.substring(0, line).contains("failed"), said);
      assertTrue(said.startsWith("RESULT {\"status\":\"stopped\",\"exit_code\":null,", line), said);
      assertEquals(line, said.lastIndexOf("RESULT"), said);
      assertTrue(said.indexOf("\"output\":\"file:" + output + "\"", line) > 0, said);
      assertFalse(Files.exists(output.resolve("_run/lock.json")), "the lock is released");
      return said;
    }
  }

  private static int kept(String said) {
    Matcher kept = KEPT.matcher(said);
    assertTrue(kept.find(), said);
    return Integer.parseInt(kept.group(1));
  }

  @Test
  void aSignalSavesFinishedRowsAndTheNextRunGoesOn() throws Exception {
    stopped("TERM", 40, 128 + 15);
    assertFalse(Files.exists(output.resolve("results/_SUCCESS")));

    assumeTrue(receives(2), "this process and its children ignore SIGINT");
    String second = stopped("INT", 150, 128 + 2);
    assertTrue(kept(second) >= 20, second);

    try (ChildJob job = start()) {
      assertEquals(0, job.exitCode(), job.output());
      assertTrue(kept(job.output()) >= 110, job.output());
      assertTrue(job.output().contains("260 rows: 260 ok, 0 failed"), job.output());
    }
    assertEquals(ROWS, images());
  }

  /** A later command of a process that is ending, such as the second one of a script. */
  @Test
  void aCommandThatBeginsTooLateSaysSoWithoutATrace() throws Exception {
    List<String> arguments =
        List.of("--manifest", folder + "/rows.jsonl", "--output", output.toString());
    try (ChildJob job =
        new ChildJob(folder.resolve("late"), List.of(), null, LateJob.class, arguments)) {
      assertEquals(128 + 15, job.exitCode(), job.output());
      String said = job.output();
      assertTrue(said.contains("Stopped\nRESULT {\"status\":\"stopped\","), said);
      assertTrue(said.contains("The command returned 3\n"), said);
      assertFalse(said.contains("\tat "), said);
      assertFalse(said.contains("hutdown"), said);
    }
    assertFalse(Files.exists(output));
  }

  /** Whether a signal is not ignored. A shell lets its background processes ignore SIGINT. */
  private static boolean receives(int signal) throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith("SigIgn:")) {
        return !new BigInteger(line.substring(7).strip(), 16).testBit(signal - 1);
      }
    }
    return true;
  }
}
