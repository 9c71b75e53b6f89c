package io.glmimage.spark.run;

import io.glmimage.io.ProcessEnd;
import io.glmimage.spark.results.TaskLedger;
import java.io.IOException;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The ledgers of the tasks of this process. A user may end the driver, and a machine with an
 * executor may be taken away. Finished rows are then saved at once, although the next row may be in
 * the engine for a while.
 */
final class LedgersInUse {
  /** The tasks of this process. */
  static final LedgersInUse SHARED = new LedgersInUse();

  private static final Logger LOG = LoggerFactory.getLogger(LedgersInUse.class);

  private static final int LONGEST_SECONDS = 10;

  private final Set<TaskLedger> ledgers = ConcurrentHashMap.newKeySet();
  private final AtomicBoolean hooked = new AtomicBoolean();

  void add(TaskLedger ledger) {
    ledgers.add(ledger);
    if (hooked.compareAndSet(false, true)) {
      var unused = ProcessEnd.run(this::save, true, LONGEST_SECONDS);
    }
  }

  void remove(TaskLedger ledger) {
    ledgers.remove(ledger);
  }

  /** Saves the finished rows of all tasks. */
  void save() {
    for (TaskLedger ledger : ledgers) {
      try {
        ledger.flush();
      } catch (IOException | RuntimeException e) {
        LOG.warn("Cannot save finished rows; the next run edits them again: {}", e.getMessage());
      }
    }
  }
}
