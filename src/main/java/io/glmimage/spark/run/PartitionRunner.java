package io.glmimage.spark.run;

import io.glmimage.error.ErrorClass;
import io.glmimage.error.InvalidRequestException;
import io.glmimage.error.JobException;
import io.glmimage.image.RgbImage;
import io.glmimage.io.HadoopSettings;
import io.glmimage.io.Redaction;
import io.glmimage.io.Storage;
import io.glmimage.manifest.ManifestRow;
import io.glmimage.manifest.Rejection;
import io.glmimage.manifest.RowOutcome;
import io.glmimage.manifest.RowReader;
import io.glmimage.output.EditedImageEncoder;
import io.glmimage.output.OutputLayout;
import io.glmimage.output.ResultLines;
import io.glmimage.output.ResultStatus;
import io.glmimage.output.RowResult;
import io.glmimage.output.RowTimes;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import io.glmimage.spark.engine.EngineCall;
import io.glmimage.spark.engine.EngineCounters;
import io.glmimage.spark.engine.EngineFactory;
import io.glmimage.spark.engine.JobMetrics;
import io.glmimage.spark.engine.LoadCounters;
import io.glmimage.spark.engine.TaskDevice;
import io.glmimage.spark.manifest.ManifestTable;
import io.glmimage.spark.manifest.RowFailure;
import io.glmimage.spark.manifest.SourceReader;
import io.glmimage.spark.results.TaskLedger;
import io.glmimage.weights.ModelFingerprint;
import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.VoidFunction;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.Row;
import org.apache.spark.util.LongAccumulator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Edits the rows of one partition. While a batch is in the engine, the sources of the next one are
 * read and decoded, and the pictures of the last ones are encoded and written, by {@value
 * #IO_THREADS} threads; no more than {@value #BATCHES_BEING_WRITTEN} batches wait to be written. A
 * row that fails gives a FAILED line and leaves the others alone; what is no row's fault (the
 * model, the output) fails the task.
 *
 * <p>Rows that an earlier attempt has finished are not done again. Rows that were in work when an
 * earlier attempt's process died come last, one by one, and with no other row in work anywhere in
 * the process; one that was alone at {@value #DEATHS_OF_A_CULPRIT} deaths is not tried any more.
 */
final class PartitionRunner implements VoidFunction<Iterator<Row>> {
  private static final long serialVersionUID = 1L;
  private static final Logger LOG = LoggerFactory.getLogger(PartitionRunner.class);

  static final int IO_THREADS = 4;
  static final int BATCHES_BEING_WRITTEN = 2;

  /**
   * Processes are also killed from outside, while an innocent row happens to be alone in them. That
   * this happens to the same row so often is as good as impossible.
   */
  static final int DEATHS_OF_A_CULPRIT = 3;

  private static final int LONGEST_METADATA = 1024;

  /** How long the end of a task waits for what its threads are doing. */
  private static final long STOP_SECONDS = 10;

  /**
   * What all partitions of a run have in common.
   *
   * @param device as the user gave it
   * @param run names the run
   * @param commitSeconds finished rows are written down at least this often
   */
  record Work(
      RowReader reader,
      int batchSize,
      EngineFactory engines,
      String device,
      OutputLayout output,
      EditedImageEncoder encoder,
      String run,
      double commitSeconds)
      implements java.io.Serializable {}

  private final Work work;
  private final Broadcast<HadoopSettings> hadoop;
  private final LongAccumulator done;
  private final LongAccumulator failed;
  private final LoadCounters loading;
  private final EngineCounters engineTimes;

  PartitionRunner(
      Work work,
      Broadcast<HadoopSettings> hadoop,
      LongAccumulator done,
      LongAccumulator failed,
      LoadCounters loading,
      EngineCounters engineTimes) {
    this.work = work;
    this.hadoop = hadoop;
    this.done = done;
    this.failed = failed;
    this.loading = loading;
    this.engineTimes = engineTimes;
  }

  /**
   * @param rows as {@link ManifestTable#rows} gives them
   */
  @Override
  public void call(Iterator<Row> rows) throws IOException {
    HadoopSettings settings = hadoop.value();
    TaskContext context = TaskContext.get();
    Storage storage = settings.storage();
    TaskLedger ledger =
        new TaskLedger(
            storage, work.output(), work.run(), context.partitionId(), context.taskAttemptId());
    ledger.open();
    ExecutorService threads = Executors.newFixedThreadPool(IO_THREADS, daemons(context));
    boolean finished = false;
    // An engine that makes no pictures is no reason to load libtorch and ask it for a GPU.
    String device = work.engines().touchesPictures() ? TaskDevice.of(work.device()) : "cpu";
    Attempt attempt = new Attempt(storage, settings.redaction(), device, ledger, threads);
    try {
      attempt.run(rows);
      ledger.complete();
      finished = true;
    } finally {
      stop(threads);
      if (!finished) {
        leave(ledger);
      }
      attempt.leaveRoom();
    }
  }

  private static void leave(TaskLedger ledger) {
    // A killed task's thread is interrupted, and files are not written by such a thread.
    boolean interrupted = Thread.interrupted();
    try {
      ledger.leave();
    } catch (IOException | RuntimeException e) {
      LOG.warn("Cannot write down what was in work; its rows will be run one by one", e);
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private static ThreadFactory daemons(TaskContext context) {
    String name = "pictures-" + context.partitionId() + "-" + context.attemptNumber();
    ClassLoader loader = Thread.currentThread().getContextClassLoader();
    return task -> {
      Thread thread = new Thread(task, name);
      thread.setDaemon(true);
      // Spark's, which has the classes of jars that were added to the application.
      thread.setContextClassLoader(loader);
      return thread;
    };
  }

  private static void stop(ExecutorService threads) {
    threads.shutdownNow();
    boolean interrupted = Thread.interrupted();
    try {
      if (!threads.awaitTermination(STOP_SECONDS, TimeUnit.SECONDS)) {
        LOG.warn("A picture is still being read or written by a task that has ended");
      }
    } catch (InterruptedException e) {
      interrupted = true;
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** A row on its way through a batch. */
  private static final class Item {
    final RowOutcome row;
    final String fingerprint;
    EditRequest request;
    String sourcesFingerprint;
    double readSeconds;
    RowResult result;

    Item(RowOutcome row, String fingerprint) {
      this.row = row;
      this.fingerprint = fingerprint;
    }
  }

  /** Rows that go through the engine together, and what is being done to them meanwhile. */
  private static final class Batch {
    final List<Item> items;
    final List<Future<?>> steps = new ArrayList<>();

    Batch(List<Item> items) {
      this.items = items;
    }

    /** Waits for all steps; throws what the first one that failed threw. */
    void await() {
      for (Future<?> step : steps) {
        join(step);
      }
      steps.clear();
    }
  }

  private final class Attempt {
    private final Storage storage;
    private final SourceReader sources;
    private final Redaction redaction;
    private final String taskDevice;
    private final TaskLedger ledger;
    private final ExecutorService threads;

    /** Rows left for the end, since a process died while they were in work. */
    private final List<Item> suspects = new ArrayList<>();

    private final Deque<Batch> inWork = new ArrayDeque<>();
    private Runnable leaveRoom;
    private long flushed = System.nanoTime();

    Attempt(
        Storage storage,
        Redaction redaction,
        String taskDevice,
        TaskLedger ledger,
        ExecutorService threads) {
      this.storage = storage;
      this.sources = new SourceReader(storage, work.reader().defaults());
      this.redaction = redaction;
      this.taskDevice = taskDevice;
      this.ledger = ledger;
      this.threads = threads;
    }

    void run(Iterator<Row> rows) throws IOException {
      List<Item> first = take(rows);
      while (!first.isEmpty()) {
        enterRoom(false);
        together(first, rows);
        first = take(rows);
        if (!first.isEmpty()) {
          // Another task of this process has a row that must be alone.
          flush();
          ledger.idle();
        }
        leaveRoom();
      }
      for (Item item : suspects) {
        alone(item);
      }
    }

    /** Edits batches until there are no more rows, or until another task wants to be alone. */
    private void together(List<Item> first, Iterator<Row> rows) throws IOException {
      Batch next = read(first, false);
      while (next != null) {
        Batch current = next;
        current.await();
        // The following batch is read while this one is in the engine.
        next = WorkRoom.SHARED.isWanted() ? null : read(take(rows), false);
        edit(current);
        while (inWork.size() > BATCHES_BEING_WRITTEN + (next == null ? 0 : 1)) {
          settle();
        }
      }
      while (!inWork.isEmpty()) {
        settle();
      }
    }

    private void enterRoom(boolean alone) {
      try {
        if (alone) {
          WorkRoom.SHARED.enterAlone();
          leaveRoom = WorkRoom.SHARED::leaveAlone;
        } else {
          WorkRoom.SHARED.enter();
          leaveRoom = WorkRoom.SHARED::leave;
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new JobException("Interrupted while waiting for other tasks' rows", e);
      }
    }

    void leaveRoom() {
      if (leaveRoom != null) {
        leaveRoom.run();
        leaveRoom = null;
      }
    }

    /** The next rows to do; none at the end. */
    private List<Item> take(Iterator<Row> rows) throws IOException {
      List<Item> items = new ArrayList<>(work.batchSize());
      while (items.size() < work.batchSize() && rows.hasNext()) {
        Row row = rows.next();
        String id = row.getString(1);
        String line = ledger.finished().get(id);
        if (line != null) {
          count(ResultLines.isFailed(line));
          continue;
        }
        Row fields = row.getStruct(3);
        RowOutcome outcome =
            work.reader()
                .read(
                    row.getLong(0),
                    id,
                    ManifestTable.values(fields, fields.size(), work.reader().schema()));
        Item item = new Item(outcome, row.getString(2));
        if (ledger.isSuspect(id)) {
          suspects.add(item);
        } else {
          items.add(item);
        }
      }
      return items;
    }

    /**
     * Begins to read a batch's sources, after its rows have been written down as in work.
     *
     * @param alone whether it is a single row with which nothing else is in work
     */
    private Batch read(List<Item> items, boolean alone) {
      if (items.isEmpty()) {
        return null;
      }
      Batch batch = new Batch(items);
      inWork.add(batch);
      List<String> ids =
          inWork.stream().flatMap(b -> b.items.stream()).map(item -> item.row.id()).toList();
      Future<?> journaled = start(() -> journal(ids, alone));
      for (Item item : items) {
        batch.steps.add(
            start(
                () -> {
                  join(journaled);
                  read(item);
                  return null;
                }));
      }
      return batch;
    }

    private Void journal(List<String> ids, boolean alone) {
      try {
        if (alone) {
          ledger.alone(ids.get(0));
        } else {
          ledger.working(ids);
        }
      } catch (IOException e) {
        throw cannotWrite("the journal of the run", e);
      }
      return null;
    }

    private void read(Item item) {
      if (item.row instanceof Rejection rejection) {
        fail(item, ErrorClass.INVALID_ROW, rejection.message(), RowTimes.NONE);
        return;
      }
      long start = System.nanoTime();
      try {
        SourceReader.Read read =
            work.engines().touchesPictures()
                ? sources.request((ManifestRow) item.row)
                : SourceReader.withoutSources((ManifestRow) item.row);
        item.request = read.request();
        item.sourcesFingerprint = read.fingerprint();
        item.readSeconds = secondsSince(start);
      } catch (RowFailure e) {
        fail(item, e.errorClass(), e.getMessage(), RowTimes.ofRead(secondsSince(start)));
      }
    }

    private void edit(Batch batch) {
      List<Item> items = batch.items.stream().filter(item -> item.request != null).toList();
      if (items.isEmpty()) {
        return;
      }
      List<EditRequest> requests = items.stream().map(item -> item.request).toList();
      EngineCall done =
          EngineCall.edit(work.engines(), taskDevice, storage, loading, engineTimes, requests);
      double share = done.seconds() / items.size();
      for (int i = 0; i < items.size(); i++) {
        Item item = items.get(i);
        EditResult result = done.results().get(i);
        // Decoded sources are no longer needed while the pictures are encoded.
        item.request = null;
        batch.steps.add(
            start(
                () -> {
                  finish(item, result, share);
                  return null;
                }));
      }
    }

    private void finish(Item item, EditResult edited, double editSeconds) {
      RowTimes times =
          new RowTimes(
              item.readSeconds,
              editSeconds,
              edited.priorSeconds(),
              edited.denoiseSeconds(),
              edited.decodeSeconds(),
              0);
      if (!edited.ok()) {
        fail(item, EngineCall.errorClass(edited), EngineCall.why(edited), times);
        return;
      }
      long start = System.nanoTime();
      RgbImage image = edited.image();
      String path = work.output().image(item.row.id(), work.encoder().format());
      String sha256 = null;
      if (work.engines().touchesPictures()) {
        byte[] bytes;
        try {
          bytes =
              work.encoder()
                  .encode(image, (ManifestRow) item.row, work.engines().modelName(), redaction);
        } catch (InvalidRequestException e) {
          fail(item, ErrorClass.REQUEST_REFUSED, e.getMessage(), times);
          return;
        }
        sha256 = ModelFingerprint.sha256Hex(bytes);
        try {
          storage.write(path, bytes, metadata(item, sha256), work.output().unfinished());
        } catch (IOException e) {
          throw cannotWrite("picture " + path, e);
        }
      }
      times =
          new RowTimes(
              times.read(),
              times.edit(),
              times.prior(),
              times.denoise(),
              times.decode(),
              secondsSince(start));
      item.result =
          RowResult.done(
              (ManifestRow) item.row,
              path,
              sha256,
              image.height(),
              image.width(),
              times,
              work.engines().modelName(),
              origin(item));
    }

    /** What object stores keep beside a picture. */
    private Map<String, String> metadata(Item item, String sha256) {
      Map<String, String> metadata = new TreeMap<>();
      // Percent-encoded: headers are ASCII.
      metadata.put("id", URLEncoder.encode(item.row.id(), StandardCharsets.UTF_8));
      metadata.put("sha256", sha256);
      metadata.put("fingerprint", item.fingerprint);
      metadata.put("software", work.encoder().program());
      // S3 takes 2 KB in all.
      metadata.values().removeIf(value -> value.length() > LONGEST_METADATA);
      return metadata;
    }

    /** Takes the lines of the batch that has been in work for longest. */
    private void settle() throws IOException {
      Batch batch = inWork.peek();
      batch.await();
      inWork.remove();
      batch.items.forEach(this::add);
      if (secondsSince(flushed) >= work.commitSeconds()) {
        flush();
      }
    }

    /** A row that may have been the death of a process. */
    private void alone(Item item) throws IOException {
      String id = item.row.id();
      int deaths = ledger.deaths(id);
      if (deaths >= DEATHS_OF_A_CULPRIT) {
        fail(
            item,
            ErrorClass.PROCESS_CRASH,
            "the process that edited it died "
                + deaths
                + " times while nothing else was in work there (a crash in native code, or out of"
                + " memory); the executors' logs say more, and a smaller size may help",
            RowTimes.NONE);
      } else {
        // Nothing of the others is lost with the process.
        flush();
        enterRoom(true);
        LOG.warn("Row {} was in work when a process died: running it alone", id);
        Batch batch = read(List.of(item), true);
        batch.await();
        edit(batch);
        batch.await();
        inWork.remove();
      }
      add(item);
      flush();
      leaveRoom();
    }

    private void add(Item item) {
      ledger.add(item.row.id(), ResultLines.json(item.result.values(redaction)));
      count(item.result.status() == ResultStatus.FAILED);
      JobMetrics.get().count(item.result);
    }

    private void flush() throws IOException {
      try {
        ledger.flush();
      } catch (IOException e) {
        throw cannotWrite("the lines of finished rows", e);
      }
      flushed = System.nanoTime();
    }

    private void count(boolean isFailed) {
      if (isFailed) {
        failed.add(1);
      }
      done.add(1);
    }

    private void fail(Item item, ErrorClass errorClass, String why, RowTimes times) {
      String start = "Cannot edit row " + item.row.id() + ": ";
      item.result =
          RowResult.failed(
              item.row,
              errorClass,
              why.startsWith(start) ? why : start + why,
              times,
              work.engines().modelName(),
              origin(item));
    }

    private RowResult.Origin origin(Item item) {
      return new RowResult.Origin(item.fingerprint, item.sourcesFingerprint, work.run());
    }

    private JobException cannotWrite(String what, IOException e) {
      return new JobException(redaction.apply("Cannot write " + what + ": " + e.getMessage()), e);
    }

    private Future<?> start(Callable<Void> step) {
      if (work.engines().touchesPictures()) {
        return threads.submit(step);
      }
      // There is no reading and writing that could go on beside the engine.
      FutureTask<Void> now = new FutureTask<>(step);
      now.run();
      return now;
    }
  }

  private static void join(Future<?> step) {
    try {
      step.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new JobException("Interrupted while pictures were read or written", e);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      if (e.getCause() instanceof Error cause) {
        throw cause;
      }
      throw new JobException("Cannot read or write pictures: " + e.getCause(), e.getCause());
    }
  }

  private static double secondsSince(long start) {
    return (System.nanoTime() - start) / 1e9;
  }
}
