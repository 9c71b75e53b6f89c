package io.glmimage.bench;

import io.glmimage.image.PixelSize;
import io.glmimage.image.RgbImage;
import io.glmimage.model.Grid;
import io.glmimage.model.processor.ProcessedPrompt;
import io.glmimage.model.processor.SizePlan;
import io.glmimage.model.processor.SourcePixels;
import io.glmimage.pipeline.PreparedRequest;
import io.glmimage.pipeline.PriorTokens;
import io.glmimage.request.EditRequest;
import io.glmimage.weights.CheckpointFolder;
import io.glmimage.weights.ConfigFile;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * Requests with random pixels and token ids, of the sizes that the settings ask for. They stand for
 * the processor's output, so that no tokenizer is needed. The same index gives the same row.
 */
final class SyntheticRows {
  private final BenchSettings settings;
  private final ConfigFile config;
  private final int patchValues;
  private final int codebookSize;

  /**
   * Rows for a model.
   *
   * @param patchValues values per patch of a source image
   * @param codebookSize number of different prior ids
   */
  SyntheticRows(
      BenchSettings settings, CheckpointFolder folder, int patchValues, int codebookSize) {
    this.settings = settings;
    this.config = folder.config("vision_language_encoder/config.json");
    this.patchValues = patchValues;
    this.codebookSize = codebookSize;
  }

  /** Rows as the end-to-end measurement edits them. */
  List<PreparedRequest> rows(int count) {
    List<PreparedRequest> rows = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      PreparedRequest row =
          row(i, settings.sources(), settings.steps(), settings.guidance(), settings.stepCache());
      rows.add(
          new PreparedRequest(
              row.request().withSolver(settings.solver()),
              row.sizes(),
              row.prompt(),
              row.sources()));
    }
    return rows;
  }

  /** One row. */
  PreparedRequest row(int index, int sources, int steps, double guidance, double stepCache) {
    List<RgbImage> images = new ArrayList<>();
    List<SourcePixels> pixels = new ArrayList<>();
    for (int s = 0; s < sources; s++) {
      images.add(image(index * 31L + s));
      pixels.add(pixels(index * 31L + s));
    }
    EditRequest request =
        new EditRequest(
            "bench-" + index,
            "",
            images,
            settings.height(),
            settings.width(),
            steps,
            guidance,
            index,
            stepCache);
    ProcessedPrompt prompt =
        new ProcessedPrompt(
            promptIds(sources),
            pixels.stream().map(SourcePixels::grid).toList(),
            targets(settings.grid(), sources));
    return new PreparedRequest(
        request,
        SizePlan.unchanged(new PixelSize(settings.height(), settings.width())),
        prompt,
        pixels);
  }

  /** The row with another target grid, so that it generates as many tokens as the grid has. */
  static PreparedRequest withTarget(PreparedRequest row, Grid grid) {
    ProcessedPrompt prompt =
        new ProcessedPrompt(
            row.prompt().inputIds(),
            row.prompt().sourceGrids(),
            targets(grid, row.sources().size()));
    return new PreparedRequest(row.request(), row.sizes(), prompt, row.sources());
  }

  private static List<Grid> targets(Grid grid, int sources) {
    return sources == 0 ? List.of(grid, new Grid(16, 16)) : List.of(grid);
  }

  private int[] promptIds(int sources) {
    List<Integer> ids = new ArrayList<>();
    for (int s = 0; s < sources; s++) {
      ids.add(config.integer("image_start_token_id"));
      for (int i = 0; i < settings.grid().size(); i++) {
        ids.add(config.integer("image_token_id"));
      }
      ids.add(config.integer("image_end_token_id"));
    }
    int firstText = config.object("text_config").size("vision_vocab_size");
    for (int i = 0; i < settings.textTokens(); i++) {
      ids.add(firstText + 1 + i);
    }
    ids.add(config.integer("image_start_token_id"));
    return ids.stream().mapToInt(Integer::intValue).toArray();
  }

  private SourcePixels pixels(long seed) {
    Grid grid = settings.grid();
    float[] values = new float[grid.size() * patchValues];
    Random random = new Random(seed);
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return new SourcePixels(grid, patchValues, values);
  }

  /** An image of noise. */
  RgbImage image(long seed) {
    byte[] bytes = new byte[settings.height() * settings.width() * 3];
    new Random(seed).nextBytes(bytes);
    return new RgbImage(settings.height(), settings.width(), bytes);
  }

  /** Random prior ids for a row. */
  PriorTokens priorTokens(PreparedRequest row) {
    Random random = new Random(1);
    List<int[]> sources = new ArrayList<>();
    for (Grid grid : row.prompt().sourceGrids()) {
      sources.add(ids(grid, random));
    }
    return new PriorTokens(ids(row.prompt().target(), random), sources);
  }

  private int[] ids(Grid grid, Random random) {
    return grid.upsample2(random.ints(grid.size(), 0, codebookSize).toArray());
  }
}
