package io.glmimage.model.processor;

import io.glmimage.error.CheckpointException;
import io.glmimage.error.InvalidRequestException;
import io.glmimage.image.PixelSize;
import io.glmimage.image.Resampler;
import io.glmimage.image.RgbImage;
import io.glmimage.model.Grid;
import io.glmimage.weights.CheckpointFolder;
import io.glmimage.weights.ConfigFile;
import java.nio.file.Files;
import java.util.List;

/**
 * Turns source images into patches of normalised pixels. They are resized by {@link SmartResize}
 * with torch's bicubic kernel, normalised with {@code (x - mean / rescale) / (std / rescale)} in
 * float32, and cut into patches in merge-block order.
 *
 * <p>Ported from transformers src/transformers/models/glm_image/image_processing_glm_image.py
 * (5.17.0). Deviation: an image with a side below that of a merge block is enlarged instead of
 * refused.
 *
 * <p>Immutable and thread-safe.
 */
public final class ImageProcessor {
  private static final int CHANNELS = 3;
  private static final int BICUBIC = 3;

  // What the reference takes for keys that are left out.
  private static final int DEFAULT_PATCH = 14;
  private static final int DEFAULT_MERGE = 2;
  private static final int DEFAULT_FRAMES = 2;
  private static final int DEFAULT_MIN_PIXELS = 56 * 56;
  private static final int DEFAULT_MAX_PIXELS = 28 * 28 * 1280;
  private static final List<Double> CLIP_MEAN = List.of(0.48145466, 0.4578275, 0.40821073);
  private static final List<Double> CLIP_STD = List.of(0.26862954, 0.26130258, 0.27577711);

  private final SmartResize rule;
  private final int patch;
  private final int merge;
  private final int frames;

  /** {@code [3, 256]}: the normalised value of every 8-bit value. */
  private final float[][] normalised;

  private ImageProcessor(SmartResize rule, int patch, int merge, int frames, float[][] normalised) {
    this.rule = rule;
    this.patch = patch;
    this.merge = merge;
    this.frames = frames;
    this.normalised = normalised;
  }

  /**
   * Reads {@code processor/processor_config.json} if it configures an image processor, else {@code
   * processor/preprocessor_config.json}.
   *
   * @throws CheckpointException if the file is missing or damaged, or asks for something
   *     unsupported
   */
  public static ImageProcessor load(CheckpointFolder checkpoint) {
    return of(config(checkpoint));
  }

  private static ConfigFile config(CheckpointFolder checkpoint) {
    String whole = "processor/processor_config.json";
    if (Files.exists(checkpoint.file(whole))) {
      ConfigFile config = checkpoint.config(whole);
      if (config.has("image_processor")) {
        return config.object("image_processor");
      }
    }
    return checkpoint.config("processor/preprocessor_config.json");
  }

  private static ImageProcessor of(ConfigFile config) {
    config.requireText(
        "image_processor_type",
        "GlmImageImageProcessor",
        "GlmImageImageProcessorFast",
        "GlmImageImageProcessorPil");
    for (String step : new String[] {"do_resize", "do_rescale", "do_normalize"}) {
      if (!config.flag(step, true)) {
        throw config.error(step, "false is not supported");
      }
    }
    if (config.integer("resample", BICUBIC) != BICUBIC) {
      throw config.error("resample", "only 3 (bicubic) is supported");
    }
    int patch = config.size("patch_size", DEFAULT_PATCH);
    int merge = config.size("merge_size", DEFAULT_MERGE);
    SmartResize rule =
        new SmartResize(
            patch * merge,
            limit(config, "min_pixels", "shortest_edge", DEFAULT_MIN_PIXELS),
            limit(config, "max_pixels", "longest_edge", DEFAULT_MAX_PIXELS));
    int frames = config.size("temporal_patch_size", DEFAULT_FRAMES);
    return new ImageProcessor(rule, patch, merge, frames, normalisation(config));
  }

  private static int limit(ConfigFile config, String override, String sizeKey, int otherwise) {
    if (config.has(override)) {
      return config.size(override);
    }
    return config.has("size") ? config.object("size").size(sizeKey) : otherwise;
  }

  private static float[][] normalisation(ConfigFile config) {
    double[] mean = config.numbers("image_mean", CLIP_MEAN);
    double[] std = config.numbers("image_std", CLIP_STD);
    if (mean.length != CHANNELS || std.length != CHANNELS) {
      throw config.error("image_mean, image_std", "expected " + CHANNELS + " numbers each");
    }
    float scale = (float) (1 / config.number("rescale_factor", 1.0 / 255));
    float[][] table = new float[CHANNELS][256];
    for (int c = 0; c < CHANNELS; c++) {
      float m = (float) mean[c] * scale;
      float s = (float) std[c] * scale;
      for (int x = 0; x < 256; x++) {
        table[c][x] = (x - m) / s;
      }
    }
    return table;
  }

  /**
   * Checks a source's size as far as possible without a checkpoint.
   *
   * @throws InvalidRequestException if the aspect ratio is above 4
   */
  public static void check(PixelSize source) {
    SmartResize.checkAspect(source);
  }

  /**
   * The grid of patches for a source of this size.
   *
   * @throws InvalidRequestException if the aspect ratio is above 4
   */
  public Grid grid(PixelSize source) {
    PixelSize size = rule.of(source);
    return new Grid(size.height() / patch, size.width() / patch);
  }

  /** The sizes of edits whose sources this processor reads. */
  public OutputSize outputSize() {
    return new OutputSize(rule, patch);
  }

  /** Number of image tokens in the prompt for a source of this grid: one per merge block. */
  public int tokens(Grid grid) {
    return grid.size() / (merge * merge);
  }

  /**
   * Resizes, normalises and cuts a source image.
   *
   * @throws InvalidRequestException if the aspect ratio is above 4
   */
  public SourcePixels process(RgbImage source) {
    return patches(resize(source));
  }

  /** As {@link #process(RgbImage)}, at a given grid of patches. */
  public SourcePixels process(RgbImage source, Grid grid) {
    return patches(Resampler.bicubicTorch(source, grid.rows() * patch, grid.columns() * patch));
  }

  RgbImage resize(RgbImage source) {
    PixelSize size = rule.of(new PixelSize(source.height(), source.width()));
    return Resampler.bicubicTorch(source, size.height(), size.width());
  }

  /** Normalises and cuts an image whose sides are whole merge blocks. */
  SourcePixels patches(RgbImage image) {
    Grid grid = new Grid(image.height() / patch, image.width() / patch);
    int length = CHANNELS * frames * patch * patch;
    float[] values = new float[grid.size() * length];
    byte[] pixels = image.pixels();
    int o = 0;
    // [rows/m, m, patch, columns/m, m, patch, 3] -> [rows/m, columns/m, m, m, 3, frames, patch,
    // patch]
    for (int blockRow = 0; blockRow < grid.rows(); blockRow += merge) {
      for (int blockColumn = 0; blockColumn < grid.columns(); blockColumn += merge) {
        for (int k = 0; k < merge * merge; k++) {
          int top = (blockRow + k / merge) * patch;
          int left = (blockColumn + k % merge) * patch;
          for (int c = 0; c < CHANNELS; c++) {
            int start = o;
            for (int y = top; y < top + patch; y++) {
              int p = (y * image.width() + left) * CHANNELS + c;
              for (int x = 0; x < patch; x++, p += CHANNELS) {
                values[o++] = normalised[c][pixels[p] & 255];
              }
            }
            for (int f = 1; f < frames; f++) {
              System.arraycopy(values, start, values, o, patch * patch);
              o += patch * patch;
            }
          }
        }
      }
    }
    return new SourcePixels(grid, length, values);
  }
}
