package io.glmimage.output;

import java.util.Arrays;
import java.util.List;

/**
 * The columns of the result table, in order. Other columns of the manifest follow. Settings have
 * the same names as in a manifest, so that a result table can be used as a manifest.
 */
public enum ResultColumn {
  /** Position of the row in the manifest, from 0. */
  ROW_INDEX("row_index", Type.LONG),
  /** Id of the row, or the name made from its content. */
  ID("id", Type.TEXT),
  /** OK or FAILED. */
  STATUS("status", Type.TEXT),
  /** Kind of failure; null if OK. */
  ERROR_CLASS("error_class", Type.TEXT),
  /** What is wrong and what to do; null if OK. */
  ERROR("error", Type.TEXT),
  /** Path of the edited image; null if FAILED. */
  OUTPUT_PATH("output_path", Type.TEXT),
  /** Width of the edited image in pixels; null if FAILED. */
  WIDTH("width", Type.INT),
  /** Height of the edited image in pixels; null if FAILED. */
  HEIGHT("height", Type.INT),
  /**
   * Pixels of the edited image per pixel of the first source image: below 1 if the source was too
   * large; null for text-to-image, another aspect ratio, or FAILED.
   */
  SCALE("scale", Type.DOUBLE),
  /** OK, UNCHANGED, DESTROYED or FLAT by the limits of the last run; null if not judged. */
  QUALITY("quality", Type.TEXT),
  /** Share of the pixels that differ visibly from the first source image; null without one. */
  CHANGED_FRACTION("changed_fraction", Type.DOUBLE),
  /** Structural similarity to the first source image; null without one. */
  SSIM("ssim", Type.DOUBLE),
  /** PSNR to the first source image in dB, 100 at most; null without one. */
  PSNR("psnr", Type.DOUBLE),
  /** Share of the image near its median colour; null if FAILED. */
  FLATNESS("flatness", Type.DOUBLE),
  /** The seed of the edited image; null if the row was rejected. */
  SEED("seed", Type.LONG),
  /** The steps used; null if rejected. */
  NUM_INFERENCE_STEPS("num_inference_steps", Type.INT),
  /** The guidance used; null if rejected. */
  GUIDANCE_SCALE("guidance_scale", Type.DOUBLE),
  /** Name of the preset whose settings the row has; null if it has others. */
  PRESET("preset", Type.TEXT),
  /** Reading + the row's share of the engine's time + writing. */
  SECONDS("seconds", Type.DOUBLE),
  /** Reading and decoding the source images. */
  READ_SECONDS("read_seconds", Type.DOUBLE),
  /** Share of the time spent on prior tokens. */
  PRIOR_SECONDS("prior_seconds", Type.DOUBLE),
  /** Share of the time spent in the DiT. */
  DENOISE_SECONDS("denoise_seconds", Type.DOUBLE),
  /** Share of the time spent in the VAE. */
  DECODE_SECONDS("decode_seconds", Type.DOUBLE),
  /** Encoding and writing the edited image. */
  WRITE_SECONDS("write_seconds", Type.DOUBLE),
  /** Prompt of the row. */
  PROMPT("prompt", Type.TEXT),
  /** Source images of the row, as the manifest gives them. */
  IMAGE_PATHS("image_paths", Type.TEXT_LIST),
  /** Mask of the row, resolved; null without one. */
  MASK_PATH("mask_path", Type.TEXT),
  /** Name of the model. */
  MODEL("model", Type.TEXT),
  /** SHA-256 of the edited image's file; null if FAILED. */
  OUTPUT_SHA256("output_sha256", Type.TEXT),
  /** Digest of the row, the options and the model. */
  FINGERPRINT("fingerprint", Type.TEXT),
  /** Digest of the source images' sizes and versions; null if not read. */
  SOURCES_FINGERPRINT("sources_fingerprint", Type.TEXT),
  /** Run that finished the row; later runs have greater names. */
  RUN("run", Type.TEXT);

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

  ResultColumn(String column, Type type) {
    this.column = column;
    this.type = type;
  }

  public String column() {
    return column;
  }

  public Type type() {
    return type;
  }

  /** All names, in order. */
  public static List<String> names() {
    return Arrays.stream(values()).map(ResultColumn::column).toList();
  }
}
