package io.glmimage.model.prior;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.glmimage.golden.GoldenCase;
import io.glmimage.golden.Goldens;
import io.glmimage.model.Grid;
import io.glmimage.tensor.Ops;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;

/** The rows of one sub-case of the processor, without padding. */
final class PriorFixture {
  private final GoldenCase processor;
  private final String sub;

  /**
   * One row.
   *
   * @param index in the batch
   * @param ids without padding
   * @param columns their places in the padded batch
   * @param grids in the processor's order: sources, then the targets, of which the first is decoded
   *     last
   * @param firstSource index of the row's first source among all sources of the batch
   * @param sources number of source images
   */
  record Row(int index, int[] ids, int[] columns, List<Grid> grids, int firstSource, int sources) {
    List<Grid> sourceGrids() {
      return grids.subList(0, sources);
    }

    List<Grid> decodeGrids() {
      List<Grid> out = new ArrayList<>(grids.subList(sources, grids.size()));
      Collections.reverse(out);
      return out;
    }

    PriorPrompt prompt(List<int[]> sourceTokens, long seed) {
      return new PriorPrompt(ids, sourceTokens, sourceGrids(), decodeGrids(), seed);
    }
  }

  PriorFixture(GoldenCase processor, String sub) {
    this.processor = processor;
    this.sub = sub;
  }

  /** The processor's case of the checkpoint that {@code other} belongs to. */
  static GoldenCase processorOf(GoldenCase other) {
    String name = folder(other) + "01_processor";
    Optional<GoldenCase> found =
        Goldens.cases("01_processor").stream().filter(c -> c.name().equals(name)).findFirst();
    Goldens.require(found.isPresent(), "case " + name);
    return found.orElseThrow();
  }

  static int columns(GoldenCase golden, String tensor) {
    long[] shape = golden.shape(tensor);
    return (int) shape[shape.length - 1];
  }

  List<Row> rows() {
    long[] ids = processor.longs(sub + "/input_ids");
    long[] mask = processor.longs(sub + "/attention_mask");
    long[] perSample = processor.longs(sub + "/images_per_sample");
    List<Grid> grids = grids(processor, sub + "/image_grid_thw");
    int length = columns(processor, sub + "/input_ids");
    JsonNode config = config();
    int end = config.get("image_end_token_id").asInt();
    List<Row> rows = new ArrayList<>();
    int grid = 0;
    int source = 0;
    for (int b = 0; b < perSample.length; b++) {
      List<Integer> columns = new ArrayList<>();
      int sources = 0;
      for (int i = 0; i < length; i++) {
        if (mask[b * length + i] == 1) {
          columns.add(i);
          sources += ids[b * length + i] == end ? 1 : 0;
        }
      }
      int at = b * length;
      rows.add(
          new Row(
              b,
              columns.stream().mapToInt(c -> (int) ids[at + c]).toArray(),
              columns.stream().mapToInt(Integer::intValue).toArray(),
              grids.subList(grid, grid + (int) perSample[b]),
              source,
              sources));
      grid += (int) perSample[b];
      source += sources;
    }
    return rows;
  }

  /** Whether the pixels of the sources are stored. Not every sub-case has them. */
  boolean hasPixels() {
    return processor.has(sub + "/pixel_values") || processor.has(sub + "/resized_0");
  }

  /** The ids of the row's sources: from their pixels, or the reference's if none are stored. */
  List<int[]> sourceTokens(PriorModel model, Row row) {
    List<int[]> out = new ArrayList<>();
    long[] given = row.sources() == 0 || hasPixels() ? new long[0] : givenIds(row);
    int from = 0;
    for (int i = 0; i < row.sources(); i++) {
      Grid grid = row.grids().get(i);
      if (hasPixels()) {
        out.add(model.sourceTokens(pixelValues(row.firstSource() + i, grid), grid));
        continue;
      }
      int[] ids = new int[grid.size()];
      for (int n = 0; n < ids.length; n++) {
        // Each id is a 2 x 2 block of the upsampled grid.
        int upsampledRow = n / grid.columns() * 2;
        int upsampledColumn = n % grid.columns() * 2;
        ids[n] = (int) given[from + upsampledRow * 2 * grid.columns() + upsampledColumn];
      }
      from += 4 * ids.length;
      out.add(ids);
    }
    return out;
  }

  private long[] givenIds(Row row) {
    String name = sub + "/prior_token_image_ids_" + row.index();
    String folder = folder(processor);
    Optional<GoldenCase> found =
        Goldens.cases("05_prior_tokens").stream()
            .filter(c -> folder(c).equals(folder) && c.has(name))
            .findFirst();
    Goldens.require(found.isPresent(), "case " + folder + "05_prior_tokens with " + name);
    return found.orElseThrow().longs(name);
  }

  private static String folder(GoldenCase golden) {
    return golden.name().substring(0, golden.name().indexOf('/') + 1);
  }

  /** The patches [N, C p p] of source {@code index} of the batch. */
  Tensor pixelValues(int index, Grid grid) {
    if (!processor.has(sub + "/pixel_values")) {
      return fromResized(index, grid);
    }
    List<Grid> sources = new ArrayList<>();
    rows().forEach(row -> sources.addAll(row.sourceGrids()));
    int from = sources.subList(0, index).stream().mapToInt(Grid::size).sum();
    return processor.tensor(sub + "/pixel_values").narrow(0, from, grid.size());
  }

  private Tensor fromResized(int index, Grid grid) {
    JsonNode settings = processor.json().get("image_processor");
    int patch = settings.get("patch_size").asInt();
    byte[] pixels = processor.bytes(sub + "/resized_" + index);
    int width = grid.columns() * patch;
    float[] out = new float[grid.size() * 3 * patch * patch];
    int i = 0;
    for (int n = 0; n < grid.size(); n++) {
      int top = n / grid.columns() * patch;
      int left = n % grid.columns() * patch;
      for (int c = 0; c < 3; c++) {
        float mean = (float) (settings.get("image_mean").get(c).asDouble() * 255);
        float std = (float) (settings.get("image_std").get(c).asDouble() * 255);
        for (int y = top; y < top + patch; y++) {
          for (int x = left; x < left + patch; x++) {
            out[i++] = ((pixels[(y * width + x) * 3 + c] & 255) - mean) / std;
          }
        }
      }
    }
    return Ops.of(out, grid.size(), 3L * patch * patch);
  }

  static List<Grid> grids(GoldenCase golden, String tensor) {
    long[] thw = golden.longs(tensor);
    List<Grid> out = new ArrayList<>();
    for (int i = 0; i < thw.length; i += 3) {
      out.add(new Grid((int) thw[i + 1], (int) thw[i + 2]));
    }
    return out;
  }

  private JsonNode config() {
    try {
      return new ObjectMapper()
          .readTree(processor.checkpoint().file("vision_language_encoder/config.json").toFile());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
