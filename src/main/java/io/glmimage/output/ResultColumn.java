package io.glmimage.output;

import java.util.Arrays;
import java.util.List;

/**
 * The columns of the result table, in order. Other columns of the manifest follow. Settings have
 * the same names as in a manifest, so that a result table can be used as a manifest.
 */
public enum ResultColumn {
  ROW_INDEX("row_index", Type.LONG, "position of the row in the manifest, from 0"),
  ID("id", Type.TEXT, "id of the row, or the name made from its content"),
  STATUS("status", Type.TEXT, "OK or FAILED"),
  ERROR_CLASS("error_class", Type.TEXT, "kind of failure; null if OK"),
  ERROR("error", Type.TEXT, "what is wrong and what to do; null if OK"),
  OUTPUT_PATH("output_path", Type.TEXT, "path of the edited image; null if FAILED"),
  WIDTH("width", Type.INT, "of the edited image, in pixels; null if FAILED"),
  HEIGHT("height", Type.INT, "of the edited image, in pixels; null if FAILED"),
  SCALE(
      "scale",
      Type.DOUBLE,
      "pixels of the edited image per pixel of the first source image: below 1 if the source was too"
          + " large; null for text-to-image, another aspect ratio, or FAILED"),
  QUALITY(
      "quality",
      Type.TEXT,
      "OK, UNCHANGED, DESTROYED or FLAT by the limits of the last run; null if not judged"),
  CHANGED_FRACTION(
      "changed_fraction",
      Type.DOUBLE,
      "share of the pixels that differ visibly from the first source image; null without one"),
  SSIM("ssim", Type.DOUBLE, "structural similarity to the first source image; null without one"),
  PSNR("psnr", Type.DOUBLE, "PSNR to the first source image in dB, 100 at most; null without one"),
  FLATNESS("flatness", Type.DOUBLE, "share of the image near its median colour; null if FAILED"),
  SEED("seed", Type.LONG, "the seed of the edited image; null if the row was rejected"),
  NUM_INFERENCE_STEPS("num_inference_steps", Type.INT, "the steps used; null if rejected"),
  GUIDANCE_SCALE("guidance_scale", Type.DOUBLE, "the guidance used; null if rejected"),
  SECONDS("seconds", Type.DOUBLE, "reading + the row's share of its batch + writing"),
  READ_SECONDS("read_seconds", Type.DOUBLE, "reading and decoding the source images"),
  PRIOR_SECONDS("prior_seconds", Type.DOUBLE, "share of the time spent on prior tokens"),
  DENOISE_SECONDS("denoise_seconds", Type.DOUBLE, "share of the time spent in the DiT"),
  DECODE_SECONDS("decode_seconds", Type.DOUBLE, "share of the time spent in the VAE"),
  WRITE_SECONDS("write_seconds", Type.DOUBLE, "encoding and writing the edited image"),
  PROMPT("prompt", Type.TEXT, "prompt of the row"),
  IMAGE_PATHS(
      "image_paths", Type.TEXT_LIST, "source images of the row, as the manifest gives them"),
  MASK_PATH("mask_path", Type.TEXT, "mask of the row, resolved; null without one"),
  MODEL("model", Type.TEXT, "name of the model"),
  OUTPUT_SHA256("output_sha256", Type.TEXT, "SHA-256 of the edited image's file; null if FAILED"),
  FINGERPRINT("fingerprint", Type.TEXT, "digest of the row, the options and the model"),
  SOURCES_FINGERPRINT(
      "sources_fingerprint",
      Type.TEXT,
      "digest of the source images' sizes and versions; null if not read"),
  RUN("run", Type.TEXT, "run that finished the row; later runs have greater names");

  /** The type of a column. */
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
