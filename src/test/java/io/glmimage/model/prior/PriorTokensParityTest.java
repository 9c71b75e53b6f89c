package io.glmimage.model.prior;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import io.glmimage.golden.GoldenCase;
import io.glmimage.golden.Goldens;
import io.glmimage.golden.Tolerance;
import io.glmimage.kernel.SamplingSettings;
import io.glmimage.model.Grid;
import io.glmimage.tensor.TensorScope;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@Tag("parity")
class PriorTokensParityTest {
  static List<GoldenCase> cases() {
    return Goldens.cases("05_prior_tokens");
  }

  @ParameterizedTest
  @MethodSource("cases")
  void givesTheReferencesIdsOneRowAtATime(GoldenCase golden) {
    check(golden, 1);
  }

  /** All sub-cases at once in fewer slots than rows: rows of different lengths leave and enter. */
  @ParameterizedTest
  @MethodSource("cases")
  void givesTheReferencesIdsInManySlots(GoldenCase golden) {
    check(golden, 4);
  }

  private static void check(GoldenCase golden, int slots) {
    GoldenCase processor = PriorFixture.processorOf(golden);
    PriorOptions options = new PriorOptions(slots, SamplingSettings.greedy());
    try (PriorModel model =
            PriorModel.load(golden.checkpoint(), Goldens.compute(), Goldens.kernels(), options);
        TensorScope scope = new TensorScope()) {
      List<PriorPrompt> prompts = new ArrayList<>();
      for (String sub : golden.subCases()) {
        PriorFixture fixture = new PriorFixture(processor, sub);
        List<PriorFixture.Row> rows = fixture.rows();
        for (int b = 0; b < rows.size(); b++) {
          PriorFixture.Row row = rows.get(b);
          List<int[]> sources = fixture.sourceTokens(model, row);
          prompts.add(row.prompt(sources, 0));
          if (fixture.hasPixels()) {
            checkSources(golden, sub, b, row, sources);
          }
        }
      }
      List<int[]> results = model.generate(prompts);
      int next = 0;
      for (String sub : golden.subCases()) {
        next = checkResults(golden, sub, prompts, results, next);
      }
    }
  }

  private static void checkSources(
      GoldenCase golden, String sub, int b, PriorFixture.Row row, List<int[]> sources) {
    String name = sub + "/prior_token_image_ids_" + b;
    if (!golden.has(name)) {
      return;
    }
    long[] actual = new long[0];
    List<Grid> doubled = PriorFixture.grids(golden, sub + "/source_image_grid_thw_" + b);
    for (int i = 0; i < sources.size(); i++) {
      Grid grid = row.grids().get(i);
      assertArrayEquals(
          new int[] {doubled.get(i).rows(), doubled.get(i).columns()},
          new int[] {grid.doubled().rows(), grid.doubled().columns()});
      actual =
          LongStream.concat(
                  Arrays.stream(actual),
                  Arrays.stream(grid.upsample2(sources.get(i))).asLongStream())
              .toArray();
    }
    Tolerance.exact(golden.name(), name, golden.longs(name), actual);
  }

  private static int checkResults(
      GoldenCase golden, String sub, List<PriorPrompt> prompts, List<int[]> results, int first) {
    long[] upsampled = golden.longs(sub + "/prior_token_ids");
    int batch = (int) golden.shape(sub + "/prior_token_ids")[0];
    int columns = upsampled.length / batch;
    for (int b = 0; b < batch; b++) {
      PriorPrompt prompt = prompts.get(first + b);
      Grid grid = prompt.decodeGrids().get(prompt.decodeGrids().size() - 1);
      Tolerance.exact(
          golden.name(),
          sub + "/prior_token_ids row " + b,
          Arrays.copyOfRange(upsampled, b * columns, (b + 1) * columns),
          Arrays.stream(grid.upsample2(results.get(first + b))).asLongStream().toArray());
    }
    return first + batch;
  }
}
