package io.glmimage.spark.manifest;

import io.glmimage.manifest.EditSettings;
import io.glmimage.manifest.InternalColumns;
import io.glmimage.manifest.ManifestField;
import io.glmimage.manifest.ManifestRow;
import io.glmimage.manifest.MaskSource;
import io.glmimage.manifest.Rejection;
import io.glmimage.manifest.RowFingerprint;
import io.glmimage.manifest.RowOutcome;
import io.glmimage.request.LargeSources;
import io.glmimage.request.Sizing;
import io.glmimage.request.Solver;
import java.util.Arrays;
import java.util.List;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/**
 * A row of the manifest after its checks, and its form in a Spark table. A row is read and checked
 * once, by {@link IdentifiedRows#planned}; all later stages decode the typed columns.
 *
 * @param outcome the valid or rejected row
 * @param fingerprint of the row, the options and the model
 */
public record PlannedRow(RowOutcome outcome, String fingerprint) {
  private static final String SOURCES = "sources";
  private static final String STEP_CACHE = "step_cache";
  private static final String SOLVER = "solver";
  private static final String EXACT_SIZE = "exact_size";
  private static final String LARGE_SOURCES = "large_sources";
  private static final String MAX_PIXELS = "max_pixels";
  private static final String REJECTION = "rejection";

  private static final DataType TEXTS = DataTypes.createArrayType(DataTypes.StringType);

  /** The row's own values; the settings are null if the row was rejected. */
  private static final StructType ROW =
      new StructType()
          .add(ManifestField.PROMPT.column(), DataTypes.StringType)
          .add(ManifestField.IMAGE_PATHS.column(), TEXTS)
          .add(REJECTION, DataTypes.StringType)
          .add(SOURCES, TEXTS)
          .add(ManifestField.HEIGHT.column(), DataTypes.IntegerType)
          .add(ManifestField.WIDTH.column(), DataTypes.IntegerType)
          .add(ManifestField.NUM_INFERENCE_STEPS.column(), DataTypes.IntegerType)
          .add(ManifestField.GUIDANCE_SCALE.column(), DataTypes.DoubleType)
          .add(ManifestField.SEED.column(), DataTypes.LongType)
          .add(STEP_CACHE, DataTypes.DoubleType)
          .add(SOLVER, DataTypes.StringType)
          .add(EXACT_SIZE, DataTypes.BooleanType)
          .add(LARGE_SOURCES, DataTypes.StringType)
          .add(MAX_PIXELS, DataTypes.LongType)
          .add(ManifestField.MASK_PATH.column(), DataTypes.StringType);

  /** The columns that hold a planned row. A table of planned rows may have more columns. */
  static final StructType SCHEMA =
      new StructType()
          .add(InternalColumns.INDEX, DataTypes.LongType)
          .add(InternalColumns.ID, DataTypes.StringType)
          .add(InternalColumns.FINGERPRINT, DataTypes.StringType)
          .add(InternalColumns.ROW, ROW);

  /** The columns of {@link #SCHEMA}, to drop all other columns of a table. */
  public static Column[] columns() {
    return Arrays.stream(SCHEMA.fieldNames()).map(functions::col).toArray(Column[]::new);
  }

  /**
   * Plans a row.
   *
   * @param modelAndOptions identifies the model and all options that determine an edited image
   */
  static PlannedRow of(RowOutcome outcome, String modelAndOptions) {
    return new PlannedRow(outcome, RowFingerprint.of(outcome, modelAndOptions));
  }

  /** Decodes a row of a table that has the columns of {@link #SCHEMA}. */
  public static PlannedRow of(Row row) {
    long index = row.<Long>getAs(InternalColumns.INDEX);
    String id = row.getAs(InternalColumns.ID);
    Row values = row.getAs(InternalColumns.ROW);
    String prompt = values.getAs(ManifestField.PROMPT.column());
    List<String> imagePaths = texts(values, ManifestField.IMAGE_PATHS.column());
    String rejection = values.getAs(REJECTION);
    RowOutcome outcome =
        rejection != null
            ? new Rejection(index, id, prompt, imagePaths, rejection)
            : new ManifestRow(
                index,
                id,
                prompt,
                imagePaths,
                texts(values, SOURCES),
                settings(values),
                MaskSource.of(values.getAs(ManifestField.MASK_PATH.column())));
    return new PlannedRow(outcome, row.getAs(InternalColumns.FINGERPRINT));
  }

  private static EditSettings settings(Row values) {
    return new EditSettings(
        values.<Integer>getAs(ManifestField.HEIGHT.column()),
        values.<Integer>getAs(ManifestField.WIDTH.column()),
        values.<Integer>getAs(ManifestField.NUM_INFERENCE_STEPS.column()),
        values.<Double>getAs(ManifestField.GUIDANCE_SCALE.column()),
        values.<Long>getAs(ManifestField.SEED.column()),
        values.<Double>getAs(STEP_CACHE),
        Solver.valueOf(values.getAs(SOLVER)),
        new Sizing(
            values.<Boolean>getAs(EXACT_SIZE),
            LargeSources.valueOf(values.getAs(LARGE_SOURCES)),
            values.<Long>getAs(MAX_PIXELS)));
  }

  /** Encodes the row as {@link #SCHEMA} says. */
  Row toRow() {
    ManifestRow valid = outcome instanceof ManifestRow row ? row : null;
    EditSettings settings = valid == null ? null : valid.settings();
    Row values =
        RowFactory.create(
            outcome.prompt(),
            outcome.imagePaths().toArray(String[]::new),
            outcome instanceof Rejection rejected ? rejected.message() : null,
            valid == null ? null : valid.sources().toArray(String[]::new),
            settings == null ? null : settings.height(),
            settings == null ? null : settings.width(),
            settings == null ? null : settings.steps(),
            settings == null ? null : settings.guidanceScale(),
            settings == null ? null : settings.seed(),
            settings == null ? null : settings.stepCache(),
            settings == null ? null : settings.solver().name(),
            settings == null ? null : settings.sizing().exact(),
            settings == null ? null : settings.sizing().largeSources().name(),
            settings == null ? null : settings.sizing().maxPixels(),
            valid == null || valid.mask() == null ? null : valid.mask().text());
    return RowFactory.create(outcome.index(), outcome.id(), fingerprint, values);
  }

  public String id() {
    return outcome.id();
  }

  private static List<String> texts(Row row, String column) {
    return row.getList(row.fieldIndex(column));
  }
}
