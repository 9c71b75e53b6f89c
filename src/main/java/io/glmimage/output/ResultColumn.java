package io.glmimage.output;

import java.util.Arrays;
import java.util.List;

/**
 * The columns of the result table, in order; the manifest's other columns follow them. The names of
 * settings are the manifest's, so that results can be fed back.
 */
public enum ResultColumn {
  ROW_INDEX("row_index", Type.LONG, "position of the row in the manifest, from 0"),
  ID("id", Type.TEXT, "the row's id, or the name made of its content"),
  STATUS("status", Type.TEXT, "OK or FAILED"),
  ERROR_CLASS("error_class", Type.TEXT, "kind of failure; null if OK"),
  ERROR("error", Type.TEXT, "what is wrong and what to do; null if OK"),
  OUTPUT_PATH("output_path", Type.TEXT, "the edited picture; null if FAILED"),
  WIDTH("width", Type.INT, "of the picture, in pixels; null if FAILED"),
  HEIGHT("height", Type.INT, "of the picture, in pixels; null if FAILED"),
  SEED("seed", Type.LONG, "the seed used; null if the row was rejected"),
  NUM_INFERENCE_STEPS("num_inference_steps", Type.INT, "the steps used; null if rejected"),
  GUIDANCE_SCALE("guidance_scale", Type.DOUBLE, "the guidance used; null if rejected"),
  SECONDS("seconds", Type.DOUBLE, "all the row took: reading + its share of its batch + writing"),
  READ_SECONDS("read_seconds", Type.DOUBLE, "reading and decoding the sources"),
  PRIOR_SECONDS("prior_seconds", Type.DOUBLE, "share of the time spent on prior tokens"),
  DENOISE_SECONDS("denoise_seconds", Type.DOUBLE, "share of the time spent in the DiT"),
  DECODE_SECONDS("decode_seconds", Type.DOUBLE, "share of the time spent in the VAE"),
  WRITE_SECONDS("write_seconds", Type.DOUBLE, "encoding and writing the picture"),
  PROMPT("prompt", Type.TEXT, "the row's prompt"),
  IMAGE_PATHS("image_paths", Type.TEXT_LIST, "the row's sources as the manifest gives them"),
  MODEL("model", Type.TEXT, "the model that made the picture"),
  OUTPUT_SHA256("output_sha256", Type.TEXT, "of the picture's file; null if FAILED"),
  FINGERPRINT("fingerprint", Type.TEXT, "of the row, the options and the model"),
  SOURCES_FINGERPRINT(
      "sources_fingerprint", Type.TEXT, "of the sources' sizes and versions; null if not read"),
  RUN("run", Type.TEXT, "the run that did the row; later runs have greater names");

  /** What a column holds. */
  public enum Type {
    LONG,
    INT,
    DOUBLE,
    TEXT,
    TEXT_LIST
  }

  private final String column;
  private final Type type;
  private final String meaning;

  ResultColumn(String column, Type type, String meaning) {
    this.column = column;
    this.type = type;
    this.meaning = meaning;
  }

  public String column() {
    return column;
  }

  public Type type() {
    return type;
  }

  public String meaning() {
    return meaning;
  }

  /** All names, in order. */
  public static List<String> names() {
    return Arrays.stream(values()).map(ResultColumn::column).toList();
  }
}
