package io.glmimage.spark.results;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.io.Storage;
import io.glmimage.output.OutputLayout;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("resume")
class TaskLedgerTest {
  @TempDir private Path folder;
  private final Storage storage = new Storage(new Configuration());

  private TaskLedger attempt(long attempt) {
    return new TaskLedger(storage, new OutputLayout(folder.toString()), "run", 0, attempt);
  }

  private TaskLedger opened(long attempt) throws IOException {
    TaskLedger ledger = attempt(attempt);
    ledger.open();
    return ledger;
  }

  /** Changes the journal of an attempt as if its process had died. */
  private void die(long attempt) throws IOException {
    Path journal = folder.resolve("_run/journal/run/0/" + attempt + ".json");
    String text = Files.readString(journal);
    assertTrue(text.contains("\"process\":\""), text);
    storage.write(
        journal.toString(),
        text.replaceFirst("\"process\":\"[^\"]*", "\"process\":\"another-" + attempt)
            .getBytes(StandardCharsets.UTF_8));
  }

  private static String resultRow(String id) {
    return "{\"id\":\"" + id + "\",\"status\":\"OK\"}";
  }

  @Test
  void onlyDeathsWithOneRowInWorkCountAgainstTheRow() throws Exception {
    TaskLedger first = opened(1);
    first.working(List.of("a", "b"));
    die(1);
    // One row, but other tasks of the process may have rows in work too.
    TaskLedger second = opened(2);
    second.working(List.of("a"));
    die(2);
    TaskLedger third = opened(3);
    third.alone("b");
    die(3);

    TaskLedger next = opened(4);

    assertTrue(next.isSuspect("a") && next.isSuspect("b"));
    assertFalse(next.isSuspect("c"));
    assertEquals(0, next.deaths("a"));
    assertEquals(1, next.deaths("b"));
  }

  @Test
  void anAttemptThatLeftOrIsStillAliveMakesNoRowSuspect() throws Exception {
    TaskLedger left = opened(1);
    left.working(List.of("a"));
    left.leave();
    die(1);
    TaskLedger idle = opened(2);
    idle.working(List.of("b"));
    idle.idle();
    die(2);
    // A copy of a slow task in this process.
    TaskLedger alive = opened(3);
    alive.alone("c");

    TaskLedger next = opened(4);

    for (String id : List.of("a", "b", "c")) {
      assertFalse(next.isSuspect(id), id);
    }
  }

  @Test
  void attemptsAtTheSamePartitionTolerateEachOther() throws Exception {
    TaskLedger slow = opened(1);
    slow.working(List.of("a", "b"));
    slow.add("a", resultRow("a"));
    slow.flush();
    TaskLedger fast = opened(2);
    assertEquals(Set.of("a"), fast.finished().keySet());
    fast.working(List.of("b"));
    fast.add("b", resultRow("b"));
    fast.complete();

    // The slow attempt goes on until it is stopped.
    slow.add("b", resultRow("b"));
    slow.flush();
    slow.leave();
    TaskLedger again = opened(3);
    assertEquals(Set.of("a", "b"), again.finished().keySet());
    assertFalse(again.isSuspect("b"));
    again.complete();
    assertEquals(Set.of("a", "b"), opened(4).finished().keySet());
  }
}
