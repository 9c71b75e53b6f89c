package io.glmimage.spark.results;

import com.fasterxml.jackson.databind.JsonNode;
import io.glmimage.io.Storage;
import io.glmimage.io.StoredFile;
import io.glmimage.json.Json;
import io.glmimage.output.LedgerJson;
import io.glmimage.output.OutputLayout;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;

/**
 * The ledger and the journal of one attempt at a partition. They keep finished rows when a process
 * dies, and tell the next attempt which rows were in work.
 *
 * <p>The ledger has the result rows of finished rows, in small files that never change: {@code
 * lines/RUN/PARTITION/ATTEMPT-N.json}. When the partition is finished, one file replaces them:
 * {@code lines/RUN/part-PARTITION.json}.
 *
 * <p>The journal, {@code journal/RUN/PARTITION/ATTEMPT.json}, names the rows in work. It is written
 * before the work on them begins, and so before an edited image is replaced.
 *
 * <p>Several attempts at a partition may run at the same time: copies of a slow task, or tasks that
 * lost the connection to their driver. They write the same edited images and the same result rows.
 * Each must tolerate that another attempt removes its files.
 *
 * <p>In addition to the thread of the task, the end of the process may {@link #flush}.
 */
public final class TaskLedger {
  private static final long MAX_BYTES = 1L << 30;

  /** Names this process. */
  private static final String PROCESS = UUID.randomUUID().toString();

  /** The state of an attempt in its journal. */
  private enum State {
    /** Rows are in work; other tasks of the process may have rows in work too. */
    WORKING,
    /** One row is in work, and no other row in this process. */
    ALONE,
    /** No row is in work, or the attempt has ended normally. */
    LEFT;

    String text() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private final Storage storage;
  private final String ledgerFolder;
  private final String mergedFile;
  private final String journalFolder;
  private final String journalFile;
  private final long attempt;

  private final Map<String, String> rowsById = new LinkedHashMap<>();
  private final List<String> unsaved = new ArrayList<>();
  private int files;

  /** Whether an attempt has finished this partition, and no other file of it is left. */
  private boolean isMerged;

  private boolean isJournaled;
  private List<String> inWork = List.of();

  /**
   * The rows that were in work when a process died, with the number of deaths at which each was the
   * only row in work.
   */
  private final Map<String, Integer> suspects = new HashMap<>();

  /**
   * @param attempt a number that no other attempt at any partition in this application has
   */
  public TaskLedger(Storage storage, OutputLayout output, String run, int partition, long attempt) {
    this.storage = storage;
    this.ledgerFolder = output.ledger() + "/" + run + "/" + partition;
    this.mergedFile = output.ledger() + "/" + run + "/part-" + partition + ".json";
    this.journalFolder = output.journal() + "/" + run + "/" + partition;
    this.journalFile = journalFolder + "/" + attempt + ".json";
    this.attempt = attempt;
  }

  /** Reads the files of earlier attempts. */
  public synchronized void open() throws IOException {
    readLedger();
    readJournals();
  }

  private void readLedger() throws IOException {
    List<StoredFile> written = storage.files(ledgerFolder);
    for (StoredFile file : written) {
      try {
        rowsById.putAll(LedgerJson.byId(storage.read(file.path(), MAX_BYTES)));
      } catch (FileNotFoundException e) {
        // Another attempt has just finished the partition: its rows are in the merged file.
      }
    }
    try {
      rowsById.putAll(LedgerJson.byId(storage.read(mergedFile, MAX_BYTES)));
      isMerged = written.isEmpty();
    } catch (FileNotFoundException e) {
      // This partition has not been finished before.
    }
  }

  private void readJournals() throws IOException {
    for (StoredFile file : storage.files(journalFolder)) {
      isMerged = false;
      JsonNode entry;
      try {
        entry = Json.MAPPER.readTree(storage.read(file.path(), MAX_BYTES));
      } catch (FileNotFoundException e) {
        // Its attempt has just ended.
        continue;
      }
      String state = entry.path("state").asText();
      // An attempt of this process is still alive.
      if (state.equals(State.LEFT.text()) || entry.path("process").asText().equals(PROCESS)) {
        continue;
      }
      int deathsAlone = state.equals(State.ALONE.text()) ? 1 : 0;
      for (String id : LedgerJson.texts(entry.path("rows"))) {
        suspects.merge(id, deathsAlone, Integer::sum);
      }
    }
  }

  /** The result rows of the rows that earlier attempts finished, as JSON, by id. */
  public Map<String, String> finished() {
    return rowsById;
  }

  /** Whether this row was in work when a process died. */
  public boolean isSuspect(String id) {
    return suspects.containsKey(id);
  }

  /** How many processes died while this row was their only row in work. */
  public int deaths(String id) {
    return suspects.getOrDefault(id, 0);
  }

  /** Journals the rows that are in work from now on. */
  public synchronized void working(Collection<String> ids) throws IOException {
    begin(State.WORKING, List.copyOf(ids));
  }

  /** Journals that this row is in work, and no other row in this process. */
  public synchronized void alone(String id) throws IOException {
    begin(State.ALONE, List.of(id));
  }

  /** Journals that no row is in work. The result rows of all earlier rows must be saved. */
  public synchronized void idle() throws IOException {
    begin(State.LEFT, List.of());
  }

  private void begin(State state, List<String> ids) throws IOException {
    inWork = ids;
    isMerged = false;
    isJournaled = true;
    writeJournal(state);
  }

  /**
   * Adds the result row of a finished row. {@link #flush} saves it.
   *
   * @param row the result row as JSON
   */
  public synchronized void add(String id, String row) {
    isMerged = false;
    rowsById.put(id, row);
    unsaved.add(row);
  }

  /** Saves the result rows that are not saved yet. */
  public synchronized void flush() throws IOException {
    if (!unsaved.isEmpty()) {
      storage.write(
          ledgerFolder + "/" + attempt + "-" + files++ + ".json", LedgerJson.file(unsaved));
      unsaved.clear();
    }
  }

  /** Merges the files of the partition, all of whose rows are finished. */
  public synchronized void complete() throws IOException {
    if (isMerged) {
      return;
    }
    if (!rowsById.isEmpty()) {
      storage.write(mergedFile, LedgerJson.file(List.copyOf(rowsById.values())));
    }
    storage.delete(ledgerFolder);
    storage.delete(journalFolder);
  }

  /**
   * Ends an attempt that failed while its process continues: saves the finished rows, and clears
   * the rows in work of suspicion.
   */
  public synchronized void leave() throws IOException {
    flush();
    if (isJournaled) {
      writeJournal(State.LEFT);
    }
  }

  private void writeJournal(State state) throws IOException {
    byte[] entry =
        Json.MAPPER
            .writeValueAsString(Map.of("state", state.text(), "process", PROCESS, "rows", inWork))
            .getBytes(StandardCharsets.UTF_8);
    storage.write(journalFile, entry);
  }
}
