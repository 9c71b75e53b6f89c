package io.glmimage.spark.ml;

import io.glmimage.digest.Sha256;
import io.glmimage.error.ErrorClass;
import io.glmimage.error.InvalidRequestException;
import io.glmimage.error.JobException;
import io.glmimage.error.Redaction;
import io.glmimage.image.ImageDecoder;
import io.glmimage.image.RgbImage;
import io.glmimage.io.HadoopSettings;
import io.glmimage.io.Storage;
import io.glmimage.manifest.ManifestField;
import io.glmimage.manifest.RowIds;
import io.glmimage.manifest.Texts;
import io.glmimage.output.ResultStatus;
import io.glmimage.request.ContentSeed;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import io.glmimage.spark.engine.EngineCall;
import io.glmimage.spark.engine.EngineOpener;
import io.glmimage.spark.manifest.RowFailure;
import io.glmimage.spark.manifest.SourceReader;
import io.glmimage.spark.run.BatchPipeline;
import io.glmimage.tensor.DeviceName;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;

/**
 * Edits rows of a dataset: reads their source images, and adds the edited image, the status and the
 * error to them.
 */
final class EditorSteps implements BatchPipeline.Steps<EditorSteps.NamedRow, Row> {
  /** Length of a file name: 128 bits of SHA-256. */
  private static final int NAME_HEX_DIGITS = 32;

  private final EditorSettings settings;
  private final EngineOpener opener;
  private final DeviceName device;
  private final Storage storage;
  private final Redaction redaction;

  /**
   * A row of the dataset.
   *
   * @param name for messages
   */
  record NamedRow(Row row, String name) {}

  /**
   * @param device of this task, such as {@code cuda:0}
   */
  EditorSteps(
      EditorSettings settings, EngineOpener opener, DeviceName device, HadoopSettings hadoop) {
    this.settings = settings;
    this.opener = opener;
    this.device = device;
    this.storage = hadoop.storage();
    this.redaction = hadoop.redaction();
  }

  @Override
  public BatchPipeline.Read<Row> read(NamedRow named) {
    Row row = named.row();
    try {
      return new BatchPipeline.Ready<>(
          request(row, named.name()), (edited, seconds) -> finish(row, edited));
    } catch (RowFailure e) {
      return new BatchPipeline.Finished<>(failed(row, e.getMessage()));
    }
  }

  @Override
  public EngineCall edit(List<EditRequest> requests) {
    return EngineCall.edit(opener, device, storage, requests);
  }

  private Row finish(Row row, EditResult edited) {
    if (!edited.ok()) {
      return failed(row, EngineCall.why(edited));
    }
    byte[] file;
    try {
      file = settings.encoder().encode(edited.image(), Map.of());
    } catch (InvalidRequestException e) {
      return failed(row, e.getMessage());
    }
    return result(row, settings.outputFolder() == null ? file : write(file), null);
  }

  private Row failed(Row row, String why) {
    return result(
        row,
        null,
        redaction.apply(why.startsWith("Cannot ") ? why : "Cannot edit the row: " + why));
  }

  /** The row with the three new columns. */
  private static Row result(Row row, Object image, String error) {
    Object[] all = new Object[row.size() + 3];
    for (int i = 0; i < row.size(); i++) {
      all[i] = row.get(i);
    }
    all[row.size()] = image;
    all[row.size() + 1] = (error == null ? ResultStatus.OK : ResultStatus.FAILED).name();
    all[row.size() + 2] = error;
    return RowFactory.create(all);
  }

  private EditRequest request(Row row, String name) throws RowFailure {
    String prompt = row.getString(settings.columns().prompt());
    if (prompt == null || Texts.isBlank(prompt)) {
      throw new RowFailure(
          ErrorClass.INVALID_ROW, "its prompt is " + (prompt == null ? "null" : "empty"), null);
    }
    List<String> paths = new ArrayList<>();
    List<RgbImage> images = new ArrayList<>();
    for (EditorSettings.Source source : settings.columns().sources()) {
      read(row, source, paths, images);
    }
    if (images.isEmpty() && !settings.columns().sources().isEmpty()) {
      List<String> names =
          settings.columns().sources().stream().map(EditorSettings.Source::name).toList();
      throw new RowFailure(
          ErrorClass.INVALID_ROW,
          "it has no source image: "
              + String.join(", ", names)
              + " null or empty (for text-to-image set no input columns)",
          null);
    }
    EditorSettings.Parameters parameters = settings.parameters();
    return new EditRequest(
        name,
        prompt,
        images,
        parameters.height(),
        parameters.width(),
        parameters.steps(),
        parameters.guidanceScale(),
        seed(row, prompt, paths, images),
        parameters.stepCache(),
        parameters.sizing());
  }

  /** The seed of the row, as {@link ImageEditor} describes it. */
  private long seed(Row row, String prompt, List<String> paths, List<RgbImage> images) {
    Integer seed = settings.columns().seed();
    if (seed != null && !row.isNullAt(seed)) {
      return ((Number) row.get(seed)).longValue();
    }
    long base = settings.parameters().seed();
    Integer id = settings.columns().id();
    String own = id == null ? null : RowIds.explicit(row.get(id));
    if (own != null) {
      return RowIds.seed(base, own);
    }
    if (settings.columns().arePaths()) {
      return RowIds.seed(
          base,
          RowIds.ofFields(Map.of(ManifestField.PROMPT, prompt, ManifestField.IMAGE_PATHS, paths)));
    }
    return ContentSeed.of(base, prompt, images);
  }

  /** Adds the images of one column, and their paths if they have any. */
  private void read(
      Row row, EditorSettings.Source source, List<String> paths, List<RgbImage> images)
      throws RowFailure {
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
        images.add(SparkImage.toRgb(pixels, source.name()));
      } else if (value instanceof byte[] file) {
        try {
          images.add(ImageDecoder.decode(file, "in column " + source.name()));
        } catch (InvalidRequestException e) {
          throw new RowFailure(ErrorClass.IMAGE_INVALID, e.getMessage(), e);
        }
      } else if (value instanceof String path) {
        paths.add(path);
        images.add(
            SourceReader.decode(
                storage, path, "check column " + source.name(), "name an image file"));
      }
    }
  }

  /** Writes a file that is named by its content; gives its path. */
  private String write(byte[] file) {
    String name = Sha256.hex(file).substring(0, NAME_HEX_DIGITS);
    String path = settings.outputFolder() + "/" + name + settings.encoder().format().extension();
    try {
      storage.write(path, file);
    } catch (IOException e) {
      throw new JobException(
          redaction.apply("Cannot write edited image " + path + ": " + e.getMessage()), e);
    }
    return path;
  }
}
