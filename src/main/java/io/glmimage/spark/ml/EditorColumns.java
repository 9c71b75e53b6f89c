package io.glmimage.spark.ml;

import io.glmimage.output.ResultColumn;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.apache.spark.sql.types.BinaryType;
import org.apache.spark.sql.types.ByteType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.DecimalType;
import org.apache.spark.sql.types.IntegerType;
import org.apache.spark.sql.types.LongType;
import org.apache.spark.sql.types.ShortType;
import org.apache.spark.sql.types.StringType;
import org.apache.spark.sql.types.StructType;

/**
 * The columns that {@link ImageEditor} reads, by their positions.
 *
 * @param mask position of the masks; null if there are none
 * @param id position of the ids; null if there are none
 * @param seed position of the seeds; null if there are none
 * @param figures whether quality figures are added
 */
record EditorColumns(
    List<Source> sources, int prompt, Integer mask, Integer id, Integer seed, boolean figures)
    implements Serializable {
  /** The quality figures and what belongs to them, named as in the job's result table. */
  static final StructType FIGURES =
      new StructType()
          .add(ResultColumn.QUALITY.column(), DataTypes.StringType)
          .add(ResultColumn.CHANGED_FRACTION.column(), DataTypes.DoubleType)
          .add(ResultColumn.SSIM.column(), DataTypes.DoubleType)
          .add(ResultColumn.PSNR.column(), DataTypes.DoubleType)
          .add(ResultColumn.FLATNESS.column(), DataTypes.DoubleType)
          .add(ResultColumn.SCALE.column(), DataTypes.DoubleType)
          .add(ResultColumn.SEED.column(), DataTypes.LongType);

  /** A column of source images. */
  record Source(String name, int position, ImageColumn kind) implements Serializable {}

  EditorColumns {
    // Lists of other kinds may not be serializable.
    sources = new ArrayList<>(sources);
  }

  /** Whether every source image has a path. */
  boolean arePaths() {
    return sources.stream()
        .allMatch(
            source -> source.kind() == ImageColumn.PATH || source.kind() == ImageColumn.PATHS);
  }

  /**
   * Finds the columns.
   *
   * @throws IllegalArgumentException if a column is missing, has a wrong type, or exists already
   */
  static EditorColumns of(ImageEditorParams params, StructType schema) {
    List<Source> sources = new ArrayList<>();
    for (String column : params.getInputCols()) {
      DataType type = type(schema, "input", column);
      check("input", column, type, ImageColumn.of(type).isPresent(), ImageColumn.EXPECTED);
      sources.add(
          new Source(column, schema.fieldIndex(column), ImageColumn.of(type).orElseThrow()));
    }
    String prompt = params.getPromptCol();
    DataType text = type(schema, "prompt", prompt);
    check("prompt", prompt, text, text instanceof StringType, "string");
    Integer mask = null;
    if (params.isDefined(params.maskCol())) {
      DataType type = type(schema, "mask", params.getMaskCol());
      boolean fits = type instanceof StringType || type instanceof BinaryType;
      check("mask", params.getMaskCol(), type, fits, "string or binary");
      mask = schema.fieldIndex(params.getMaskCol());
    }
    Integer id = null;
    if (params.isDefined(params.idCol())) {
      DataType type = type(schema, "id", params.getIdCol());
      boolean fits = type instanceof StringType || isWhole(type) || type instanceof DecimalType;
      check("id", params.getIdCol(), type, fits, "string, an integer or a decimal type");
      id = schema.fieldIndex(params.getIdCol());
    }
    Integer seed = null;
    if (params.isDefined(params.seedCol())) {
      DataType type = type(schema, "seed", params.getSeedCol());
      check("seed", params.getSeedCol(), type, isWhole(type), "an integer type");
      seed = schema.fieldIndex(params.getSeedCol());
    }
    return new EditorColumns(sources, schema.fieldIndex(prompt), mask, id, seed, judged(params));
  }

  private static boolean judged(ImageEditorParams params) {
    return !params.getFiguresCol().isEmpty();
  }

  /**
   * The schema with the new columns.
   *
   * @throws IllegalArgumentException if one of them exists already
   */
  static StructType added(ImageEditorParams params, StructType schema) {
    Set<String> names = new HashSet<>(Arrays.asList(schema.fieldNames()));
    List<String> added =
        new ArrayList<>(
            List.of(params.getOutputCol(), params.getStatusCol(), params.getErrorCol()));
    if (judged(params)) {
      added.add(params.getFiguresCol());
    }
    for (String name : added) {
      if (!names.add(name)) {
        throw new IllegalArgumentException(
            "Cannot edit: the column "
                + name
                + " exists already; choose other names (outputCol, statusCol, errorCol,"
                + " figuresCol)");
      }
    }
    StructType edited =
        schema
            .add(
                params.getOutputCol(),
                params.getOutputFormat().equals(ImageEditorParams.PATH)
                    ? DataTypes.StringType
                    : DataTypes.BinaryType,
                true)
            .add(params.getStatusCol(), DataTypes.StringType, false)
            .add(params.getErrorCol(), DataTypes.StringType, true);
    return judged(params) ? edited.add(params.getFiguresCol(), FIGURES, true) : edited;
  }

  private static boolean isWhole(DataType type) {
    return type instanceof ByteType
        || type instanceof ShortType
        || type instanceof IntegerType
        || type instanceof LongType;
  }

  private static void check(
      String role, String column, DataType type, boolean fits, String expected) {
    if (!fits) {
      throw new IllegalArgumentException(
          "Cannot edit: "
              + role
              + " column "
              + column
              + " is of type "
              + type.simpleString()
              + ", expected "
              + expected);
    }
  }

  private static DataType type(StructType schema, String role, String column) {
    List<String> names = Arrays.asList(schema.fieldNames());
    if (!names.contains(column)) {
      throw new IllegalArgumentException(
          "Cannot edit: there is no "
              + role
              + " column "
              + column
              + "; the columns are "
              + String.join(", ", names));
    }
    return schema.fields()[names.indexOf(column)].dataType();
  }
}
