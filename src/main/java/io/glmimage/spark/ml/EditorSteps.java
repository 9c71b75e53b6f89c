package io.glmimage.spark.ml;

import io.glmimage.digest.Sha256;
import io.glmimage.error.ErrorClass;
import io.glmimage.error.GlmImageException;
import io.glmimage.error.InvalidRequestException;
import io.glmimage.error.JobException;
import io.glmimage.error.Redaction;
import io.glmimage.image.ExifCopy;
import io.glmimage.image.Mask;
import io.glmimage.image.RgbImage;
import io.glmimage.io.HadoopSettings;
import io.glmimage.io.Storage;
import io.glmimage.manifest.DataUrl;
import io.glmimage.manifest.EditDefaults;
import io.glmimage.manifest.EditSettings;
import io.glmimage.manifest.ManifestField;
import io.glmimage.manifest.MaskSource;
import io.glmimage.manifest.RowIds;
import io.glmimage.manifest.Texts;
import io.glmimage.output.ResultStatus;
import io.glmimage.quality.JudgedImage;
import io.glmimage.quality.QualityFigures;
import io.glmimage.request.ContentSeed;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import io.glmimage.spark.engine.EngineOpener;
import io.glmimage.spark.engine.EngineRows;
import io.glmimage.spark.engine.RowEngine;
import io.glmimage.spark.manifest.RowFailure;
import io.glmimage.spark.manifest.SourceReader;
import io.glmimage.spark.run.FlaggedRetries;
import io.glmimage.spark.run.RowPipeline;
import io.glmimage.tensor.DeviceName;
import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;

/**
 * Edits rows of a dataset: reads their source images, and adds the edited image, the status, the
 * error and the quality figures to them.
 */
final class EditorSteps implements RowPipeline.Steps<EditorSteps.NamedRow, Row> {
  /** Length of a file name: 128 bits of SHA-256. */
  private static final int NAME_HEX_DIGITS = 32;

  private final EditorSettings settings;
  private final EngineOpener opener;
  private final DeviceName device;
  private final Storage storage;
  private final Redaction redaction;
  private final FlaggedRetries retries;

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
    this.retries = new FlaggedRetries(settings.quality());
  }

  @Override
  public RowPipeline.Step<Row> read(NamedRow named) {
    Row row = named.row();
    try {
      Sources sources = sources(row);
      EditRequest request = request(row, named.name(), sources);
      // The completion keeps the first source image, to which the edited image is compared.
      RgbImage first = sources.images().isEmpty() ? null : sources.images().get(0);
      byte[] exif = sources.exif();
      return retries.first(
          request, (edited, seconds, seed) -> finish(row, new InWork(first, exif, seed), edited));
    } catch (RowFailure e) {
      return new RowPipeline.Finished<>(failed(row, e.getMessage()));
    }
  }

  @Override
  public RowEngine open(int coming, Consumer<GlmImageException> failures) {
    return EngineRows.open(opener, device, storage, coming, failures);
  }

  /**
   * A row in the engine.
   *
   * @param source the first source image; null for text-to-image
   * @param exif what the edited image keeps of the first source image
   * @param seed of the edited image
   */
  private record InWork(RgbImage source, byte[] exif, long seed) {}

  /** Judges, encodes and writes the edited image of a row. */
  private Row finish(Row row, InWork in, EditResult edited) {
    if (!edited.ok()) {
      return failed(row, EngineRows.why(edited));
    }
    RgbImage image = edited.image();
    Row figures = null;
    if (settings.judges()) {
      JudgedImage judged = JudgedImage.of(in.source(), image, settings.quality().keepUnchanged());
      image = judged.image();
      figures = figures(judged.figures(), edited.scale(), in.seed());
    }
    byte[] file;
    try {
      file = settings.output().encoder().encode(image, in.exif());
    } catch (InvalidRequestException e) {
      return failed(row, e.getMessage());
    }
    return result(row, settings.output().folder() == null ? file : write(file), null, figures);
  }

  /** The fields of {@link EditorColumns#FIGURES}. */
  private Row figures(QualityFigures figures, Double scale, long seed) {
    return RowFactory.create(
        settings.quality().limits().flag(figures).name(),
        figures.changedFraction(),
        figures.ssim(),
        figures.psnr(),
        figures.flatness(),
        scale,
        seed);
  }

  private Row failed(Row row, String why) {
    String error = why.startsWith("Cannot ") ? why : "Cannot edit the row: " + why;
    return result(row, null, redaction.apply(error), null);
  }

  /** The row with the new columns. */
  private Row result(Row row, Object image, String error, Row figures) {
    Object[] all = new Object[row.size() + (settings.columns().figures() ? 4 : 3)];
    for (int i = 0; i < row.size(); i++) {
      all[i] = row.get(i);
    }
    all[row.size()] = image;
    all[row.size() + 1] = (error == null ? ResultStatus.OK : ResultStatus.FAILED).name();
    all[row.size() + 2] = error;
    if (settings.columns().figures()) {
      all[row.size() + 3] = figures;
    }
    return RowFactory.create(all);
  }

  private EditRequest request(Row row, String name, Sources sources) throws RowFailure {
    String prompt = row.getString(settings.columns().prompt());
    if (prompt == null || Texts.isBlank(prompt)) {
      throw new RowFailure(
          ErrorClass.INVALID_ROW, "its prompt is " + (prompt == null ? "null" : "empty"), null);
    }
    List<RgbImage> images = sources.images();
    if (images.isEmpty() && !settings.columns().sources().isEmpty()) {
      List<String> names =
          settings.columns().sources().stream().map(EditorColumns.Source::name).toList();
      throw new RowFailure(
          ErrorClass.INVALID_ROW,
          "it has no source image: "
              + String.join(", ", names)
              + " null or empty (for text-to-image set no input columns)",
          null);
    }
    EditDefaults edit = settings.edit();
    EditSettings own =
        new EditSettings(
            edit.height(),
            edit.width(),
            edit.steps(),
            edit.guidanceScale(),
            seed(row, prompt, sources),
            edit.stepCache(),
            edit.solver(),
            edit.sizing());
    SourceReader.checkSize(own, SourceReader.sizes(images), edit);
    return new EditRequest(
        name,
        prompt,
        images,
        own.height(),
        own.width(),
        own.steps(),
        own.guidanceScale(),
        own.seed(),
        own.stepCache(),
        own.solver(),
        own.sizing(),
        mask(row, images));
  }

  /** The seed of the row, as {@link ImageEditor} describes it. */
  private long seed(Row row, String prompt, Sources sources) {
    EditorColumns columns = settings.columns();
    if (columns.seed() != null && !row.isNullAt(columns.seed())) {
      return ((Number) row.get(columns.seed())).longValue();
    }
    long base = settings.edit().seed();
    String own = columns.id() == null ? null : RowIds.explicit(row.get(columns.id()));
    if (own != null) {
      return RowIds.seed(base, own);
    }
    Object mask = columns.mask() == null ? null : row.get(columns.mask());
    if (columns.arePaths() && !(mask instanceof byte[])) {
      Map<ManifestField, Object> fields = new EnumMap<>(ManifestField.class);
      fields.put(ManifestField.PROMPT, prompt);
      fields.put(ManifestField.IMAGE_PATHS, sources.paths());
      if (mask != null) {
        fields.put(ManifestField.MASK_PATH, mask);
      }
      return RowIds.seed(base, RowIds.ofFields(fields));
    }
    return ContentSeed.of(base, prompt, sources.images());
  }

  /**
   * The source images of a row.
   *
   * @param paths of the images that have one
   * @param exif what the edited image keeps of the first source image; may be empty
   */
  private record Sources(List<String> paths, List<RgbImage> images, byte[] exif) {}

  private Sources sources(Row row) throws RowFailure {
    List<String> paths = new ArrayList<>();
    List<RgbImage> images = new ArrayList<>();
    byte[] exif = {};
    for (EditorColumns.Source column : settings.columns().sources()) {
      for (Object value : values(row, column)) {
        if (value instanceof Row pixels) {
          images.add(SparkImage.toRgb(pixels, column.name()));
        } else if (value != null) {
          byte[] file = file(value, "column " + column.name());
          if (images.isEmpty()) {
            exif = ExifCopy.of(file, settings.sources().metadata());
          }
          String name = "in column " + column.name();
          if (value instanceof String path) {
            paths.add(path);
            name = DataUrl.shown(path);
          }
          images.add(SourceReader.decode(file, name, settings.sources().colours()).image());
        }
      }
    }
    return new Sources(paths, images, exif);
  }

  private static List<?> values(Row row, EditorColumns.Source column) {
    if (row.isNullAt(column.position())) {
      return List.of();
    }
    return switch (column.kind()) {
      case PATH, FILE, PIXELS -> List.of(row.get(column.position()));
      case PATHS, FILES -> row.getList(column.position());
    };
  }

  /** The mask of a row; null without one. */
  private Mask mask(Row row, List<RgbImage> images) throws RowFailure {
    Integer column = settings.columns().mask();
    Object value = column == null ? null : row.get(column);
    if (value == null || (value instanceof String text && Texts.isBlank(text))) {
      return null;
    }
    if (images.isEmpty()) {
      throw new RowFailure(
          ErrorClass.INVALID_ROW, "it has a mask, but there is no source image", null);
    }
    MaskSource source = value instanceof String text ? MaskSource.of(text) : null;
    return SourceReader.mask(
        file(source == null ? value : source.path(), "the mask column"),
        source == null ? "in the mask column" : DataUrl.shown(source.path()),
        source != null && source.transparent(),
        images.get(0));
  }

  /**
   * @param value the file, or its path
   * @param column for messages
   */
  private byte[] file(Object value, String column) throws RowFailure {
    return value instanceof byte[] file
        ? file
        : SourceReader.bytes(
            storage,
            (String) value,
            new SourceReader.Advice("check " + column, "name an image file"));
  }

  /** Writes a file that is named by its content; gives its path. */
  private String write(byte[] file) {
    String name = Sha256.hex(file).substring(0, NAME_HEX_DIGITS);
    EditorSettings.Output output = settings.output();
    String path = output.folder() + "/" + name + output.encoder().format().extension();
    try {
      storage.write(path, file);
    } catch (IOException e) {
      throw new JobException(
          redaction.apply("Cannot write edited image " + path + ": " + e.getMessage()), e);
    }
    return path;
  }
}
