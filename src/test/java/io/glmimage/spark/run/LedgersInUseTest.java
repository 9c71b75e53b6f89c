package io.glmimage.spark.run;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.glmimage.io.Storage;
import io.glmimage.output.OutputLayout;
import io.glmimage.spark.results.TaskLedger;
import java.nio.file.Path;
import java.util.Set;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LedgersInUseTest {
  @Test
  void theEndOfTheProcessSavesFinishedRowsOfAllTasks(@TempDir Path folder) throws Exception {
    Storage storage = new Storage(new Configuration());
    OutputLayout output = new OutputLayout(folder.toString());
    LedgersInUse ledgers = new LedgersInUse();
    for (int task = 0; task < 3; task++) {
      TaskLedger ledger = new TaskLedger(storage, output, "run", task, task);
      ledger.open();
      ledger.working(Set.of("a" + task, "b" + task));
      ledger.add("a" + task, "{\"id\": \"a" + task + "\"}");
      ledgers.add(ledger);
      if (task == 2) {
        ledgers.remove(ledger);
      }
    }

    ledgers.save();

    for (int task = 0; task < 3; task++) {
      TaskLedger next = new TaskLedger(storage, output, "run", task, 10 + task);
      next.open();
      assertEquals(task == 2 ? Set.of() : Set.of("a" + task), next.finished().keySet());
    }
  }
}
