package io.glmimage.spark.ml;

import io.glmimage.error.ErrorClass;
import io.glmimage.error.InvalidRequestException;
import io.glmimage.error.JobException;
import io.glmimage.image.ImageDecoder;
import io.glmimage.image.ImageEncoder;
import io.glmimage.image.RgbImage;
import io.glmimage.io.HadoopSettings;
import io.glmimage.io.Redaction;
import io.glmimage.io.Storage;
import io.glmimage.output.ResultStatus;
import io.glmimage.predict.ContentSeed;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import io.glmimage.spark.engine.EngineCall;
import io.glmimage.spark.engine.EngineFactory;
import io.glmimage.spark.engine.TaskDevice;
import io.glmimage.spark.manifest.RowFailure;
import io.glmimage.spark.manifest.SourceReader;
import io.glmimage.weights.ModelFingerprint;
import java.io.IOException;
import java.io.Serializable;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;

/** {@link ImageEditor} on one partition: batch by batch, as rows are asked for. */
final class EditorTask implements MapPartitionsFunction<Row, Row> {
  private static final long serialVersionUID = 1L;

  private final Settings settings;
  private final EngineFactory engines;
  private final String device;
  private final Broadcast<HadoopSettings> hadoop;

  /** A column of source images. */
  record Source(String name, int position, ImageColumn kind) implements Serializable {}

  /**
   * What holds for all rows.
   *
   * @param prompt the position of the prompt's column
   * @param height in pixels, or null for the first source's
   * @param width in pixels, or null for the first source's
   * @param seed what the rows' seeds are made of, besides their content
   * @param outputFolder where pictures go, or null for pictures in the rows
   */
  record Settings(
      List<Source> sources,
      int prompt,
      Integer height,
      Integer width,
      int steps,
      double guidanceScale,
      double stepCache,
      long seed,
      int batchSize,
      String outputFolder)
      implements Serializable {
    Settings {
      // A list that Java serialisation takes whatever made it.
      sources = new ArrayList<>(sources);
    }
  }

  EditorTask(
      Settings settings, EngineFactory engines, String device, Broadcast<HadoopSettings> hadoop) {
    this.settings = settings;
    this.engines = engines;
    this.device = device;
    this.hadoop = hadoop;
  }

  @Override
  public Iterator<Row> call(Iterator<Row> rows) {
    return new Edited(rows, TaskContext.get());
  }

  /** A row on its way through a batch. */
  private static final class Item {
    final Row row;
    EditRequest request;
    Object picture;
    String error;

    Item(Row row) {
      this.row = row;
    }

    Row result() {
      Object[] all = new Object[row.size() + 3];
      for (int i = 0; i < row.size(); i++) {
        all[i] = row.get(i);
      }
      all[row.size()] = picture;
      all[row.size() + 1] = (error == null ? ResultStatus.OK : ResultStatus.FAILED).name();
      all[row.size() + 2] = error;
      return RowFactory.create(all);
    }
  }

  private final class Edited implements Iterator<Row> {
    private final Iterator<Row> rows;
    private final Storage storage;
    private final Redaction redaction;
    private final String taskDevice;
    private final int partition;
    private final Deque<Row> ready = new ArrayDeque<>();
    private long count;

    Edited(Iterator<Row> rows, TaskContext task) {
      this.rows = rows;
      this.storage = hadoop.value().storage();
      this.redaction = hadoop.value().redaction();
      this.taskDevice = TaskDevice.of(device);
      this.partition = task == null ? 0 : task.partitionId();
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
      List<Item> items = new ArrayList<>();
      List<Item> valid = new ArrayList<>();
      while (items.size() < settings.batchSize() && rows.hasNext()) {
        Item item = new Item(rows.next());
        items.add(item);
        String name = "row " + count + " of partition " + partition;
        count++;
        try {
          item.request = request(item.row, name);
          valid.add(item);
        } catch (RowFailure e) {
          fail(item, e.getMessage());
        }
      }
      if (!valid.isEmpty()) {
        edit(valid);
      }
      for (Item item : items) {
        ready.add(item.result());
      }
    }

    private void fail(Item item, String why) {
      item.error = redaction.apply(why.startsWith("Cannot ") ? why : "Cannot edit the row: " + why);
    }

    private EditRequest request(Row row, String name) throws RowFailure {
      String prompt = row.getString(settings.prompt());
      if (prompt == null || prompt.isBlank()) {
        throw new RowFailure(
            ErrorClass.INVALID_ROW, "its prompt is " + (prompt == null ? "null" : "empty"), null);
      }
      List<RgbImage> sources = new ArrayList<>();
      for (Source source : settings.sources()) {
        read(row, source, sources);
      }
      if (sources.isEmpty() && !settings.sources().isEmpty()) {
        throw new RowFailure(
            ErrorClass.INVALID_ROW,
            "it has no source image: "
                + String.join(", ", settings.sources().stream().map(Source::name).toList())
                + " null or empty (for text-to-image set no input columns)",
            null);
      }
      return new EditRequest(
          name,
          prompt,
          sources,
          settings.height(),
          settings.width(),
          settings.steps(),
          settings.guidanceScale(),
          ContentSeed.of(settings.seed(), prompt, sources),
          settings.stepCache());
    }

    private void read(Row row, Source source, List<RgbImage> sources) throws RowFailure {
      int position = source.position();
      if (row.isNullAt(position)) {
        return;
      }
      List<?> values =
          switch (source.kind()) {
            case PATH, FILE, PIXELS -> List.of(row.get(position));
            case PATHS, FILES -> row.getList(position);
          };
      for (Object value : values) {
        if (value instanceof Row pixels) {
          sources.add(SparkImage.toRgb(pixels, source.name()));
        } else if (value instanceof byte[] file) {
          try {
            sources.add(ImageDecoder.decode(file, "in column " + source.name()));
          } catch (InvalidRequestException e) {
            throw new RowFailure(ErrorClass.IMAGE_INVALID, e.getMessage(), e);
          }
        } else if (value instanceof String path) {
          sources.add(
              SourceReader.decode(
                  storage, path, "check column " + source.name(), "name an image file"));
        }
      }
    }

    private void edit(List<Item> items) {
      List<EditRequest> requests = items.stream().map(item -> item.request).toList();
      List<EditResult> results =
          EngineCall.edit(engines, taskDevice, storage, null, null, requests).results();
      for (int i = 0; i < items.size(); i++) {
        Item item = items.get(i);
        // Decoded sources are no longer needed while the pictures are encoded.
        item.request = null;
        EditResult result = results.get(i);
        if (result.ok()) {
          item.picture = picture(ImageEncoder.png(result.image()));
        } else {
          fail(item, EngineCall.why(result));
        }
      }
    }

    private Object picture(byte[] png) {
      if (settings.outputFolder() == null) {
        return png;
      }
      String path = settings.outputFolder() + "/" + digest(png) + ".png";
      try {
        storage.write(path, png);
      } catch (IOException e) {
        throw new JobException(
            redaction.apply("Cannot write picture " + path + ": " + e.getMessage()), e);
      }
      return path;
    }
  }

  /** 128 bits of SHA-256. */
  private static String digest(byte[] bytes) {
    return ModelFingerprint.sha256Hex(bytes).substring(0, 32);
  }
}
