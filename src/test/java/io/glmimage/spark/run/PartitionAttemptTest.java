package io.glmimage.spark.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.glmimage.error.JobException;
import io.glmimage.error.Redaction;
import io.glmimage.image.ImageDecoder;
import io.glmimage.image.ImageEncoder;
import io.glmimage.image.RgbImage;
import io.glmimage.image.SourceOptions;
import io.glmimage.image.SourceTrait;
import io.glmimage.io.Storage;
import io.glmimage.manifest.EditDefaults;
import io.glmimage.manifest.FieldValues;
import io.glmimage.manifest.ManifestField;
import io.glmimage.manifest.ManifestRow;
import io.glmimage.manifest.RowReader;
import io.glmimage.output.EditedImageEncoder;
import io.glmimage.output.EditedImageFormat;
import io.glmimage.output.OutputLayout;
import io.glmimage.output.OutputOptions;
import io.glmimage.predict.EditEngine;
import io.glmimage.quality.QualityOptions;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import io.glmimage.request.ResultReceiver;
import io.glmimage.spark.engine.EngineOpener;
import io.glmimage.spark.engine.ExecutorEngines;
import io.glmimage.spark.engine.FakeEngines;
import io.glmimage.spark.engine.ForwardingEngine;
import io.glmimage.spark.manifest.PlannedRow;
import io.glmimage.spark.results.TaskLedger;
import io.glmimage.tensor.DeviceName;
import io.glmimage.weights.LoadProgress;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.util.LongAccumulator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The rows of a partition, without Spark. */
@Tag("resume")
class PartitionAttemptTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final EditDefaults LIMITS = new EditDefaults(0, 3, 1.5, null, null, 1 << 20);

  @TempDir private Path folder;
  private final Storage storage = new Storage(new Configuration());
  private final WorkRoom room = new WorkRoom();
  private final AtomicLong clock = new AtomicLong();
  private final RunCounters counters =
      new RunCounters(
          new LongAccumulator(),
          new LongAccumulator(),
          null,
          null,
          new SourceCounters(
              new LongAccumulator(),
              Arrays.stream(SourceTrait.values())
                  .collect(Collectors.toMap(trait -> trait, trait -> new LongAccumulator()))));

  private OutputLayout output;
  private long attempts;

  @BeforeEach
  void source() throws IOException {
    output = new OutputLayout(folder + "/out");
    Files.write(
        folder.resolve("0.png"), ImageEncoder.png(new RgbImage(32, 32, new byte[32 * 32 * 3])));
  }

  @AfterEach
  void closeEngines() {
    ExecutorEngines.closeAll();
  }

  private PartitionWork work(EngineOpener engines, double commitSeconds) {
    return work(engines, commitSeconds, QualityOptions.DEFAULT);
  }

  private PartitionWork work(EngineOpener engines, double commitSeconds, QualityOptions quality) {
    return new PartitionWork(
        LIMITS,
        SourceOptions.DEFAULT,
        2,
        engines,
        DeviceName.CPU,
        new RunOutput(
            output,
            new OutputOptions(
                output.root(),
                false,
                true,
                false,
                OutputOptions.ResumeCheck.ROWS,
                commitSeconds,
                60),
            new EditedImageEncoder(EditedImageFormat.PNG, 90, "test"),
            quality),
        "run");
  }

  private PlannedRow row(String id, String prompt) {
    FieldValues fields =
        FieldValues.of(Map.of(ManifestField.PROMPT, prompt, ManifestField.IMAGE_PATHS, "0.png"));
    RowReader reader = new RowReader(LIMITS, folder.toString());
    return new PlannedRow(reader.read(0, id, fields), "fingerprint");
  }

  private PlannedRow row(String id) {
    return row(id, "p " + id);
  }

  private TaskLedger ledger() throws IOException {
    TaskLedger ledger = new TaskLedger(storage, output, "run", 0, ++attempts);
    ledger.open();
    return ledger;
  }

  private PartitionAttempt attempt(TaskLedger ledger, PartitionWork work) {
    return new PartitionAttempt(
        work,
        new RowEditor(work, counters, storage, Redaction.ofPatterns(), DeviceName.CPU),
        ledger,
        new ResultRecorder(
            ledger,
            counters,
            Redaction.ofPatterns(),
            work.output().options().commitSeconds(),
            clock::get),
        room,
        Runnable::run);
  }

  private void run(PlannedRow... rows) throws IOException {
    TaskLedger ledger = ledger();
    attempt(ledger, work(new FakeEngines("fake"), 10)).run(List.of(rows).iterator());
    ledger.complete();
  }

  /** The results in the merged file of the partition. */
  private Map<String, JsonNode> results() throws IOException {
    Map<String, JsonNode> results = new TreeMap<>();
    for (String line : Files.readAllLines(Path.of(output.ledger(), "run", "part-0.json"))) {
      JsonNode result = JSON.readTree(line);
      results.put(result.get("id").asText(), result);
    }
    return results;
  }

  /** Number of files with results that are not merged yet. */
  private long saves() throws IOException {
    Path lines = Path.of(output.ledger(), "run", "0");
    if (!Files.exists(lines)) {
      return 0;
    }
    try (Stream<Path> files = Files.list(lines)) {
      return files.filter(file -> file.toString().endsWith(".json")).count();
    }
  }

  /** Leaves the journal of an attempt whose process died. */
  private void dead(long attempt, String state, String... ids) throws IOException {
    String rows = "\"" + String.join("\",\"", ids) + "\"";
    storage.write(
        output.journal() + "/run/0/" + attempt + ".json",
        ("{\"state\":\"" + state + "\",\"process\":\"p" + attempt + "\",\"rows\":[" + rows + "]}")
            .getBytes(StandardCharsets.UTF_8));
  }

  private JsonNode journal() throws IOException {
    return JSON.readTree(
        Files.readString(Path.of(output.journal(), "run", "0", attempts + ".json")));
  }

  @Test
  void everyRowGetsOneResultAndAnImage() throws Exception {
    run(row("a"), row("b", "refuse"), row("c"), row("d", " "), row("e"));
    assertEquals(
        List.of("a", "b", "c", "d", "e"),
        Files.readAllLines(Path.of(output.ledger(), "run", "part-0.json")).stream()
            .map(line -> line.replaceAll(".*\"id\":\"(\\w)\".*", "$1"))
            .sorted()
            .toList());
    Map<String, JsonNode> results = results();
    assertEquals("OK", results.get("a").get("status").asText());
    assertEquals("REQUEST_REFUSED", results.get("b").get("error_class").asText());
    assertEquals("INVALID_ROW", results.get("d").get("error_class").asText());
    try (Stream<Path> images = Files.list(Path.of(output.images()))) {
      assertEquals(
          List.of("a.png", "c.png", "e.png"),
          images.map(image -> image.getFileName().toString()).sorted().toList());
    }
    assertEquals(5L, counters.done().value());
    assertEquals(2L, counters.failed().value());
  }

  @Test
  void anEditedImageIsJudgedAndItsChangeMapWritten() throws Exception {
    TaskLedger ledger = ledger();
    QualityOptions quality =
        new QualityOptions(QualityOptions.DEFAULT.limits(), 2, /* changeMaps= */ true, false);
    int before = FakeEngines.EDITED.get();
    attempt(ledger, work(new FakeEngines("fake"), 10, quality))
        .run(List.of(row("a"), row("b", "refuse")).iterator());
    ledger.complete();
    // Both rows, and the flagged one twice more: the images of this engine have one colour.
    assertEquals(4, FakeEngines.EDITED.get() - before);
    JsonNode result = results().get("a");
    assertEquals("FLAT", result.get("quality").asText());
    assertEquals(1, result.get("flatness").asDouble());
    assertEquals(1, result.get("changed_fraction").asDouble());
    assertTrue(result.get("psnr").asDouble() < 20, result.toString());
    RgbImage map = ImageDecoder.decode(Files.readAllBytes(Path.of(output.changeMap("a"))), "map");
    assertEquals(255, map.pixels()[0] & 255);
    assertFalse(results().get("b").has("quality"));
    assertFalse(Files.exists(Path.of(output.changeMap("b"))));
  }

  @Test
  void theSeedOfAKeptRetryIsInTheResultRowAndInTheFile() throws Exception {
    TaskLedger ledger = ledger();
    QualityOptions quality =
        new QualityOptions(QualityOptions.DEFAULT.limits(), 3, false, /* keepUnchanged= */ true);
    PlannedRow row = row("a");
    long seed = ((ManifestRow) row.outcome()).settings().seed();
    long kept = FlaggedRetries.seed(seed, 2);
    attempt(ledger, work(new HalfEngines(kept), 10, quality)).run(List.of(row).iterator());
    ledger.complete();
    JsonNode result = results().get("a");
    assertEquals("OK", result.get("quality").asText());
    assertEquals(kept, result.get("seed").asLong());
    byte[] file = Files.readAllBytes(Path.of(output.image("a", EditedImageFormat.PNG)));
    assertTrue(new String(file, StandardCharsets.ISO_8859_1).contains("\"seed\":" + kept));
    // The engine gives level 3 on the left, which is not visible; the source has 0.
    RgbImage image = ImageDecoder.decode(file, "a");
    assertEquals(0, image.pixels()[0]);
    assertEquals((byte) 250, image.pixels()[31 * 3]);
  }

  @Test
  void rowsOfAnEarlierAttemptAreCountedAndNotEditedAgain() throws Exception {
    run(row("a"), row("b", "refuse"));
    int before = FakeEngines.EDITED.get();
    run(row("a"), row("b", "refuse"), row("c"));
    assertEquals(1, FakeEngines.EDITED.get() - before);
    assertEquals(3, results().size());
    // Two of the first attempt, three of the second.
    assertEquals(5L, counters.done().value());
    assertEquals(2L, counters.failed().value());
  }

  @Test
  void resultsAreSavedWhenTheLastSaveIsLongEnoughAgo() throws Exception {
    TaskLedger ledger = ledger();
    Iterator<PlannedRow> rows =
        Stream.of("a", "b", "c", "d", "e", "f", "g", "h", "i", "j")
            .map(this::row)
            .peek(row -> clock.addAndGet(TimeUnit.SECONDS.toNanos(3)))
            .iterator();
    attempt(ledger, work(new FakeEngines("fake"), 25)).run(rows);
    // The clock is 30 seconds past the last row: one save is due, which resets the interval.
    assertEquals(1, saves());
  }

  @Test
  void aFinishedRowIsSavedWhileTheNextOneIsInTheEngine() throws Exception {
    List<String> seen = new ArrayList<>();
    EngineOpener engines =
        new SlowSecondRow(
            () -> {
              // The first row is written and counted, but not yet due to be saved.
              until(() -> counters.done().value() == 1 && Files.exists(image("a")));
              seen.add(saves() + " saves");
              clock.addAndGet(TimeUnit.SECONDS.toNanos(1));
              until(() -> saves() == 1);
              // Should the process die now, the next attempt keeps the row.
              seen.add(ledger().finished().keySet().toString());
            });
    TaskLedger ledger = ledger();
    attempt(ledger, work(engines, 0.05)).run(List.of(row("a"), row("b")).iterator());
    assertEquals(List.of("0 saves", "[a]"), seen);
    ledger.complete();
    assertEquals(2, results().size());
  }

  private Path image(String id) {
    return Path.of(output.image(id, EditedImageFormat.PNG));
  }

  private interface Condition {
    boolean holds() throws IOException;
  }

  private static void until(Condition condition) throws IOException {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (!condition.holds()) {
      assertTrue(System.nanoTime() < end, "waited in vain");
      Thread.onSpinWait();
    }
  }

  @Test
  void suspectsRunLastAndAlone() throws Exception {
    dead(100, "working", "a", "c");
    List<String> journals = new ArrayList<>();
    TaskLedger ledger = ledger();
    EngineOpener engines =
        new WatchedEngines(
            () -> {
              JsonNode journal = journal();
              journals.add(
                  journal.get("state").asText() + " " + journal.get("rows") + " " + saves());
            });
    attempt(ledger, work(engines, 1000))
        .run(List.of(row("a"), row("b"), row("c"), row("d")).iterator());
    assertEquals(
        List.of(
            "working [\"b\",\"d\"] 0",
            // The other results are saved before.
            "alone [\"a\"] 1",
            "alone [\"c\"] 2"),
        journals);
    assertEquals(3, saves());
  }

  @Test
  void aRowThatWasAloneAtThreeDeathsFailsWithoutAnotherTry() throws Exception {
    dead(100, "alone", "a");
    dead(101, "alone", "a");
    dead(102, "alone", "a");
    dead(103, "alone", "b");
    dead(104, "alone", "b");
    dead(105, "working", "b");
    int before = FakeEngines.EDITED.get();
    run(row("a"), row("b"));
    assertEquals(1, FakeEngines.EDITED.get() - before);
    assertEquals("PROCESS_CRASH", results().get("a").get("error_class").asText());
    assertTrue(
        results().get("a").get("error").asText().contains("died 3 times while no other row"),
        results().toString());
    assertEquals("OK", results().get("b").get("status").asText());
  }

  @Test
  void aTaskMakesWayForAnotherOnesSuspectAndGoesOn() throws Exception {
    WorkRoom.Visitor other = room.visitor();
    CountDownLatch otherLeft = new CountDownLatch(1);
    List<String> seen = new ArrayList<>();
    Thread suspect =
        new Thread(
            () -> {
              other.enterAlone();
              try {
                // The first task has no row in work, and its results are saved.
                seen.add(journal().get("state").asText() + " " + saves());
              } catch (IOException e) {
                seen.add(e.toString());
              }
              other.leave();
              otherLeft.countDown();
            });
    suspect.setDaemon(true);
    TaskLedger ledger = ledger();
    EngineOpener engines =
        new WatchedEngines(
            () -> {
              if (suspect.getState() == Thread.State.NEW) {
                suspect.start();
                while (!room.isWanted()) {
                  Thread.onSpinWait();
                }
              }
            });
    attempt(ledger, work(engines, 1000))
        .run(Stream.of("a", "b", "c", "d", "e", "f").map(this::row).iterator());
    assertTrue(otherLeft.await(60, TimeUnit.SECONDS));
    assertEquals(List.of("left 1"), seen);
    ledger.complete();
    assertEquals(6, results().size());
  }

  @Test
  void aTaskThatFailsStaysInTheRoomUntilItIsToldToLeave() throws Exception {
    TaskLedger ledger = ledger();
    PartitionAttempt attempt = attempt(ledger, work(new FakeEngines("fake"), 10));
    assertThrows(JobException.class, () -> attempt.run(List.of(row("a", "explode")).iterator()));
    Thread alone = new Thread(() -> room.visitor().enterAlone());
    alone.setDaemon(true);
    alone.start();
    while (alone.getState() != Thread.State.WAITING) {
      assertTrue(alone.isAlive(), "entered although the failed task is still inside");
      Thread.onSpinWait();
    }
    attempt.leaveRoom();
    alone.join(60_000);
    assertFalse(alone.isAlive());
  }

  @Test
  void anImageThatCannotBeWrittenFailsTheTask() throws Exception {
    // A file in the place of the folder for images.
    Files.createDirectories(folder.resolve("out"));
    Files.writeString(Path.of(output.images()), "");
    TaskLedger ledger = ledger();
    JobException e =
        assertThrows(
            JobException.class,
            () ->
                attempt(ledger, work(new FakeEngines("fake"), 10))
                    .run(List.of(row("a")).iterator()));
    assertTrue(e.getMessage().startsWith("Cannot write edited image "), e.getMessage());
  }

  /** Fake engines that call something before every batch. */
  private record WatchedEngines(Watch watch) implements EngineOpener {
    interface Watch {
      void beforeBatch() throws IOException;
    }

    @Override
    public EditEngine open(DeviceName device, Storage storage, LoadProgress progress) {
      return new ForwardingEngine(new FakeEngines("fake").open(device, storage, progress)) {
        @Override
        public List<EditResult> edit(List<EditRequest> requests) {
          try {
            watch.beforeBatch();
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
          return super.edit(requests);
        }
      };
    }

    @Override
    public String modelName() {
      return "fake";
    }
  }

  /** Fake engines that take two rows together, and call something before the second one. */
  private record SlowSecondRow(WatchedEngines.Watch watch) implements EngineOpener {
    @Override
    public EditEngine open(DeviceName device, Storage storage, LoadProgress progress) {
      return new ForwardingEngine(new FakeEngines("fake").open(device, storage, progress)) {
        @Override
        public void edit(List<EditRequest> requests, ResultReceiver receiver) {
          assertEquals(2, requests.size());
          receiver.edited(0, edit(List.of(requests.get(0))).get(0));
          try {
            watch.beforeBatch();
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
          receiver.edited(1, edit(List.of(requests.get(1))).get(0));
        }
      };
    }

    @Override
    public String modelName() {
      return "slow second row";
    }
  }

  /** Engines that change nothing, except with one seed: then the right half becomes bright. */
  private record HalfEngines(long brightSeed) implements EngineOpener {
    @Override
    public EditEngine open(DeviceName device, Storage storage, LoadProgress progress) {
      return new ForwardingEngine(new FakeEngines("fake").open(device, storage, progress)) {
        @Override
        public List<EditResult> edit(List<EditRequest> requests) {
          return requests.stream()
              .map(request -> new EditResult(request.id(), image(request.seed()), null, 0, 0, 0))
              .toList();
        }
      };
    }

    private RgbImage image(long seed) {
      byte[] pixels = new byte[32 * 32 * 3];
      for (int i = 0; i < pixels.length; i++) {
        pixels[i] = (byte) (seed == brightSeed && i / 3 % 32 >= 16 ? 250 : 3);
      }
      return new RgbImage(32, 32, pixels);
    }

    @Override
    public String modelName() {
      return "half";
    }
  }
}
