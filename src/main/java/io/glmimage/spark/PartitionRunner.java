package io.glmimage.spark;

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
import io.glmimage.output.OutputLayout;
import io.glmimage.output.PictureEncoder;
import io.glmimage.output.ResultStatus;
import io.glmimage.output.RowResult;
import io.glmimage.output.RowTimes;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.FlatMapFunction;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.util.LongAccumulator;

/**
 * Edits the rows of one partition: takes a batch of rows, reads and decodes their sources, edits
 * them, writes the pictures, gives one result row for each. A row that fails gives a FAILED row and
 * leaves the others alone; what is no row's fault (the model, the output) fails the task.
 */
final class PartitionRunner implements FlatMapFunction<Iterator<Row>, Row> {
  private static final long serialVersionUID = 1L;

  private final RowReader reader;
  private final int batchSize;
  private final EngineFactory engines;
  private final String device;
  private final OutputLayout output;
  private final PictureEncoder encoder;
  private final Broadcast<HadoopSettings> hadoop;
  private final LongAccumulator done;
  private final LongAccumulator failed;

  PartitionRunner(
      RowReader reader,
      int batchSize,
      EngineFactory engines,
      String device,
      OutputLayout output,
      PictureEncoder encoder,
      Broadcast<HadoopSettings> hadoop,
      LongAccumulator done,
      LongAccumulator failed) {
    this.reader = reader;
    this.batchSize = batchSize;
    this.engines = engines;
    this.device = device;
    this.output = output;
    this.encoder = encoder;
    this.hadoop = hadoop;
    this.done = done;
    this.failed = failed;
  }

  /**
   * @param rows as {@link ManifestTable#keyed} gives them
   */
  @Override
  public Iterator<Row> call(Iterator<Row> rows) {
    HadoopSettings settings = hadoop.value();
    Storage storage = settings.storage();
    return new Results(
        rows,
        storage,
        new SourceReader(storage, reader.defaults()),
        settings.redaction(),
        TaskDevice.of(device, TaskContext.get()));
  }

  /** A row on its way through a batch. */
  private static final class Item {
    final Object[] passedThrough;
    final RowOutcome row;
    EditRequest request;
    double readSeconds;
    RowResult result;

    Item(RowOutcome row, Object[] passedThrough) {
      this.row = row;
      this.passedThrough = passedThrough;
    }

    void fail(ErrorClass errorClass, String why, RowTimes times, String model) {
      String start = "Cannot edit row " + row.id() + ": ";
      result =
          RowResult.failed(
              row, errorClass, why.startsWith(start) ? why : start + why, times, model);
    }
  }

  private final class Results implements Iterator<Row> {
    private final Iterator<Row> rows;
    private final Storage storage;
    private final SourceReader sources;
    private final Redaction redaction;
    private final String taskDevice;
    private final Deque<Row> ready = new ArrayDeque<>();

    Results(
        Iterator<Row> rows,
        Storage storage,
        SourceReader sources,
        Redaction redaction,
        String taskDevice) {
      this.rows = rows;
      this.storage = storage;
      this.sources = sources;
      this.redaction = redaction;
      this.taskDevice = taskDevice;
    }

    @Override
    public boolean hasNext() {
      while (ready.isEmpty() && rows.hasNext()) {
        batch();
      }
      return !ready.isEmpty();
    }

    @Override
    public Row next() {
      if (!hasNext()) {
        throw new NoSuchElementException();
      }
      return ready.remove();
    }

    private void batch() {
      List<Item> items = new ArrayList<>(batchSize);
      while (items.size() < batchSize && rows.hasNext()) {
        items.add(read(rows.next()));
      }
      List<Item> valid = items.stream().filter(item -> item.request != null).toList();
      if (!valid.isEmpty()) {
        edit(valid);
      }
      for (Item item : items) {
        ready.add(resultRow(item));
        if (item.result.status() == ResultStatus.FAILED) {
          failed.add(1);
        }
        done.add(1);
        JobMetrics.get().count(item.result);
      }
    }

    private Item read(Row row) {
      int position = row.size() - ManifestTable.ADDED_COLUMNS;
      Object[] values = ManifestTable.values(row, position, reader.schema());
      RowOutcome outcome =
          reader.read(ManifestTable.index(row, position), ManifestTable.id(row, position), values);
      Item item = new Item(outcome, reader.schema().passedThrough(values));
      if (outcome instanceof Rejection rejection) {
        item.fail(ErrorClass.INVALID_ROW, rejection.message(), RowTimes.NONE, engines.modelName());
        return item;
      }
      long start = System.nanoTime();
      try {
        item.request =
            engines.touchesPictures()
                ? sources.request((ManifestRow) outcome)
                : SourceReader.withoutSources((ManifestRow) outcome);
        item.readSeconds = secondsSince(start);
      } catch (RowFailure e) {
        item.fail(
            e.errorClass(),
            e.getMessage(),
            RowTimes.ofRead(secondsSince(start)),
            engines.modelName());
      }
      return item;
    }

    private void edit(List<Item> items) {
      List<EditRequest> requests = items.stream().map(item -> item.request).toList();
      List<String> ids = requests.stream().map(EditRequest::id).toList();
      double[] seconds = new double[1];
      List<EditResult> results =
          ExecutorEngines.use(
              engines,
              taskDevice,
              storage,
              engine -> {
                long start = System.nanoTime();
                try {
                  return engine.edit(requests);
                } catch (RuntimeException e) {
                  throw new JobException(
                      "Cannot edit rows " + ids + " with " + engine.description() + ": " + e, e);
                } finally {
                  seconds[0] = secondsSince(start);
                }
              });
      if (results.size() != items.size()) {
        throw new JobException(
            "Cannot edit rows " + ids + ": the model gave " + results.size() + " results");
      }
      for (int i = 0; i < items.size(); i++) {
        finish(items.get(i), results.get(i), seconds[0] / items.size());
      }
    }

    private void finish(Item item, EditResult edited, double editSeconds) {
      // Decoded sources are no longer needed while the pictures are encoded.
      item.request = null;
      RowTimes times =
          new RowTimes(
              item.readSeconds,
              editSeconds,
              edited.priorSeconds(),
              edited.denoiseSeconds(),
              edited.decodeSeconds(),
              0);
      if (!edited.ok()) {
        RuntimeException error = edited.error();
        boolean refused = error instanceof InvalidRequestException;
        item.fail(
            refused ? ErrorClass.REQUEST_REFUSED : ErrorClass.MODEL_ERROR,
            refused && error.getMessage() != null ? error.getMessage() : error.toString(),
            times,
            engines.modelName());
        return;
      }
      long start = System.nanoTime();
      RgbImage image = edited.image();
      String path = output.image(item.row.id(), encoder.format());
      try {
        if (engines.touchesPictures()) {
          storage.write(
              path, encoder.encode(image, (ManifestRow) item.row, engines.modelName(), redaction));
        }
      } catch (IOException e) {
        throw new JobException(
            redaction.apply("Cannot write picture " + path + ": " + e.getMessage()), e);
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
              image.height(),
              image.width(),
              times,
              engines.modelName());
    }

    private Row resultRow(Item item) {
      Object[] own = item.result.values(redaction);
      Object[] all = Arrays.copyOf(own, own.length + item.passedThrough.length);
      System.arraycopy(item.passedThrough, 0, all, own.length, item.passedThrough.length);
      return RowFactory.create(all);
    }
  }

  private static double secondsSince(long start) {
    return (System.nanoTime() - start) / 1e9;
  }
}
