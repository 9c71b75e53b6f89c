package io.glmimage.model.prior;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.glmimage.golden.Goldens;
import io.glmimage.model.Grid;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Precision;
import io.glmimage.tensor.RequiredGpu;
import io.glmimage.weights.CheckpointFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Rows that are decoded side by side do not affect each other: a row's ids are the same with other
 * neighbours, in another order and alone. Uses the bundled model and random rows.
 *
 * <p>On a GPU: 64 slots and 80 rows, so that rows wait and enter slots that others have left, in
 * bfloat16, in float32 and in fp8; and 32 slots for the rows alone. On the CPU: fewer rows, and the
 * CPU's default number of slots.
 */
class SlotNeighboursTest {
  private static final Path MODEL = Path.of("src/main/resources/models/glm-image-tiny");

  @Test
  void rowsKeepTheirIdsOnTheCpu() throws IOException {
    check(Compute.cpu(), PriorOptions.CPU_SLOTS, 7, 7);
  }

  @Tag("gpu")
  @ParameterizedTest
  @EnumSource(
      value = ScalarType.class,
      names = {"BFloat16", "Float"})
  void rowsKeepTheirIdsInTheSlotsOfTheGpu(ScalarType dtype) throws IOException {
    RequiredGpu.orSkip();
    Compute compute = dtype == ScalarType.Float ? Compute.cudaFloat32(0) : Compute.cuda(0);
    check(compute, PriorOptions.GPU_SLOTS, 80, 12);
  }

  @Tag("gpu")
  @Test
  void rowsKeepTheirIdsInFp8OnTheGpu() throws IOException {
    RequiredGpu.orSkip();
    check(Compute.cuda(0).withPrecision(Precision.FP8), PriorOptions.GPU_SLOTS, 80, 12);
  }

  /**
   * Decodes rows together, shuffled and alone, and compares their ids.
   *
   * @param alone number of rows that are also decoded alone
   */
  private static void check(Compute compute, int slots, int count, int alone) throws IOException {
    try (PriorModel model =
        PriorModel.load(
            CheckpointFolder.open(MODEL),
            compute,
            Goldens.kernels(compute),
            PriorOptions.defaults(compute).withSlots(slots))) {
      List<PriorPrompt> rows = rows(model.codebookSize(), count);
      assertTrue(rows.stream().mapToInt(row -> row.inputIds().length).distinct().count() > 4);
      assertTrue(rows.stream().map(row -> row.sourceGrids().size()).distinct().count() == 3);
      assertTrue(rows.stream().map(PriorPrompt::decodeGrids).distinct().count() > 3);
      Random random = new Random(5);
      // Alone first, in a cache that only has room for these rows.
      Map<Integer, int[]> ofItsOwn = new LinkedHashMap<>();
      for (int row : order(count, random).subList(0, alone)) {
        ofItsOwn.put(row, model.generate(List.of(rows.get(row))).get(0));
      }
      List<int[]> expected = model.generate(rows);
      ofItsOwn.forEach(
          (row, ids) -> assertArrayEquals(ids, expected.get(row), "row " + row + ", alone"));
      // No two rows have the same ids, so a mix-up cannot pass by chance.
      for (int i = 0; i < count; i++) {
        for (int j = 0; j < i; j++) {
          assertTrue(!Arrays.equals(expected.get(i), expected.get(j)), i + " equals " + j);
        }
      }
      for (int round = 0; round < 3; round++) {
        List<Integer> order = order(count, random);
        List<int[]> shuffled = model.generate(order.stream().map(rows::get).toList());
        // With fewer neighbours, slots stay empty.
        List<Integer> some = order.subList(0, Math.max(2, count / 3));
        List<int[]> fewer = model.generate(some.stream().map(rows::get).toList());
        for (int i = 0; i < count; i++) {
          int row = order.get(i);
          String what = "row " + row + ", round " + round;
          assertArrayEquals(expected.get(row), shuffled.get(i), what + ", in another order");
          if (i < some.size()) {
            assertArrayEquals(expected.get(row), fewer.get(i), what + ", with fewer neighbours");
          }
        }
      }
    }
  }

  private static List<Integer> order(int count, Random random) {
    List<Integer> order = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      order.add(i);
    }
    Collections.shuffle(order, random);
    return order;
  }

  /** Edits with one and two sources, and text-to-image with its draft; all different. */
  private static List<PriorPrompt> rows(int codes, int count) throws IOException {
    JsonNode config =
        new ObjectMapper()
            .readTree(Files.readString(MODEL.resolve("vision_language_encoder/config.json")));
    int start = config.get("image_start_token_id").asInt();
    int end = config.get("image_end_token_id").asInt();
    int placeholder = config.get("image_token_id").asInt();
    int firstText = config.get("text_config").get("vision_vocab_size").asInt();
    Random random = new Random(11);
    List<PriorPrompt> rows = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      List<Integer> ids = new ArrayList<>();
      List<Grid> sources = new ArrayList<>();
      List<int[]> tokens = new ArrayList<>();
      for (int s = 0; s < i % 3; s++) {
        Grid grid = new Grid(1 + random.nextInt(4), 1 + random.nextInt(4));
        sources.add(grid);
        tokens.add(random.ints(grid.size(), 0, codes).toArray());
        ids.add(start);
        ids.addAll(Collections.nCopies(grid.size(), placeholder));
        ids.add(end);
      }
      int text = 1 + random.nextInt(60);
      for (int t = 0; t < text; t++) {
        ids.add(firstText + random.nextInt(256));
      }
      ids.add(start);
      Grid target = new Grid(2 + random.nextInt(5), 2 + random.nextInt(5));
      rows.add(
          new PriorPrompt(
              ids.stream().mapToInt(Integer::intValue).toArray(),
              tokens,
              sources,
              sources.isEmpty() ? List.of(new Grid(3, 3), target) : List.of(target),
              random.nextLong()));
    }
    return rows;
  }
}
