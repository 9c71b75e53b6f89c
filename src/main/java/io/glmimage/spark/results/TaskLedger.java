package io.glmimage.spark.results;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.glmimage.io.Storage;
import io.glmimage.io.StoredFile;
import io.glmimage.output.OutputLayout;
import io.glmimage.output.ResultLines;
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
 * What one attempt at a partition writes down, so that nothing that is done is lost when a process
 * dies, and so that the next attempt knows what the last one was doing.
 *
 * <p>Lines of finished rows go to small files of their own, none of which is ever changed: {@code
 * lines/RUN/PARTITION/ATTEMPT-N.json}; a finished partition replaces them by one, {@code
 * lines/RUN/part-PARTITION.json}. The journal, {@code journal/RUN/PARTITION/ATTEMPT.json}, names
 * the rows in work before any work on them, and so before a picture of theirs is replaced.
 *
 * <p>Several attempts at a partition may be alive at the same time: copies of a slow task, or tasks
 * that outlive the connection to their driver. They make the same pictures and the same lines, and
 * each must bear that another one removes its files.
 */
public final class TaskLedger {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final long MAX_BYTES = 1L << 30;

  /** Names this process. */
  private static final String PROCESS = UUID.randomUUID().toString();

  /** What an attempt was doing when it wrote last. */
  private enum State {
    /** Rows are in work, and other tasks of the process may have others in work. */
    WORKING,
    /** One row is in work, and nothing else in the process. */
    ALONE,
    /** The attempt has ended in order, or has nothing in work. */
    LEFT;

    String text() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private final Storage storage;
  private final String lines;
  private final String whole;
  private final String journals;
  private final String journal;
  private final long attempt;

  private final Map<String, String> byId = new LinkedHashMap<>();
  private final List<String> unwritten = new ArrayList<>();
  private int files;

  /** Whether an attempt has finished this partition and left nothing else. */
  private boolean whollyDone;

  private boolean journaled;
  private List<String> inWork = List.of();

  /** Of the rows that were in work when a process died: how often each of them was alone. */
  private final Map<String, Integer> suspects = new HashMap<>();

  /**
   * @param attempt differs from that of every other attempt at anything in this application
   */
  public TaskLedger(Storage storage, OutputLayout output, String run, int partition, long attempt) {
    this.storage = storage;
    this.lines = output.lines() + "/" + run + "/" + partition;
    this.whole = output.lines() + "/" + run + "/part-" + partition + ".json";
    this.journals = output.journal() + "/" + run + "/" + partition;
    this.journal = journals + "/" + attempt + ".json";
    this.attempt = attempt;
  }

  /** Reads what earlier attempts have left. */
  public void open() throws IOException {
    List<StoredFile> written = storage.files(lines);
    for (StoredFile file : written) {
      try {
        byId.putAll(ResultLines.byId(storage.read(file.path(), MAX_BYTES)));
      } catch (FileNotFoundException e) {
        // Another attempt has just finished the partition: its lines are in the whole file.
      }
    }
    try {
      byId.putAll(ResultLines.byId(storage.read(whole, MAX_BYTES)));
      whollyDone = written.isEmpty();
    } catch (FileNotFoundException e) {
      // This partition has not been finished before.
    }
    for (StoredFile file : storage.files(journals)) {
      whollyDone = false;
      JsonNode entry;
      try {
        entry = JSON.readTree(storage.read(file.path(), MAX_BYTES));
      } catch (FileNotFoundException e) {
        // Its attempt has just ended.
        continue;
      }
      String state = entry.path("state").asText();
      // An attempt of this very process has not died, or this one would have too.
      if (state.equals(State.LEFT.text()) || entry.path("process").asText().equals(PROCESS)) {
        continue;
      }
      int deathsAlone = state.equals(State.ALONE.text()) ? 1 : 0;
      for (String id : ResultLines.ids(entry.path("rows"))) {
        suspects.merge(id, deathsAlone, Integer::sum);
      }
    }
  }

  /** The lines of the rows that earlier attempts have finished, by id. */
  public Map<String, String> finished() {
    return byId;
  }

  public boolean isSuspect(String id) {
    return suspects.containsKey(id);
  }

  /** How many processes died while this row was the only one in work there. */
  public int deaths(String id) {
    return suspects.getOrDefault(id, 0);
  }

  /** Writes down which rows are in work from now on. */
  public void working(Collection<String> ids) throws IOException {
    begin(State.WORKING, List.copyOf(ids));
  }

  /** Writes down that this row is in work, and nothing else in the process. */
  public void alone(String id) throws IOException {
    begin(State.ALONE, List.of(id));
  }

  /** All rows that were in work have their lines, and those are written. */
  public void idle() throws IOException {
    begin(State.LEFT, List.of());
  }

  private void begin(State state, List<String> ids) throws IOException {
    inWork = ids;
    whollyDone = false;
    journaled = true;
    writeJournal(state);
  }

  /** Adds a row's line; it is safe after {@link #flush}. */
  public void add(String id, String line) {
    whollyDone = false;
    byId.put(id, line);
    unwritten.add(line);
  }

  /** Writes the lines that are not yet written. */
  public void flush() throws IOException {
    if (!unwritten.isEmpty()) {
      storage.write(lines + "/" + attempt + "-" + files++ + ".json", ResultLines.file(unwritten));
      unwritten.clear();
    }
  }

  /** All rows of the partition have their lines. */
  public void complete() throws IOException {
    if (whollyDone) {
      return;
    }
    if (!byId.isEmpty()) {
      storage.write(whole, ResultLines.file(List.copyOf(byId.values())));
    }
    storage.delete(lines);
    storage.delete(journals);
  }

  /**
   * The attempt ends before its time, but in order: what is done is written, and nobody suspects
   * the rows that were in work.
   */
  public void leave() throws IOException {
    flush();
    if (journaled) {
      writeJournal(State.LEFT);
    }
  }

  private void writeJournal(State state) throws IOException {
    byte[] entry =
        JSON.writeValueAsString(Map.of("state", state.text(), "process", PROCESS, "rows", inWork))
            .getBytes(StandardCharsets.UTF_8);
    storage.write(journal, entry);
  }
}
