package io.glmimage.model.prior;

import io.glmimage.golden.GoldenCase;
import io.glmimage.golden.Goldens;
import io.glmimage.golden.NormTolerance;
import io.glmimage.golden.Tolerance;
import io.glmimage.model.Grid;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@Tag("parity")
class VisionParityTest {
  /** Relative error of the features in bfloat16. */
  private static final double BFLOAT16 = 0.015;

  /** Share of source ids that stay the same. With random weights, codes are close together. */
  private static final double BFLOAT16_IDS = 0.95;

  static List<GoldenCase> cases() {
    return Goldens.cases("02_vision");
  }

  @ParameterizedTest
  @MethodSource("cases")
  void givesTheReferencesFeaturesAndIds(GoldenCase golden) {
    GoldenCase processor = PriorFixture.processorOf(golden);
    try (PriorModel model =
        PriorModel.load(golden.checkpoint(), Goldens.compute(), Goldens.kernels())) {
      for (String sub : golden.subCases()) {
        try (TensorScope scope = new TensorScope()) {
          check(golden, processor, model, sub);
        }
      }
    }
  }

  @Tag("bfloat16")
  @ParameterizedTest
  @MethodSource("cases")
  void bfloat16StaysWithinItsRounding(GoldenCase golden) {
    GoldenCase processor = PriorFixture.processorOf(golden);
    Compute compute = Goldens.bfloat16();
    int ids = 0;
    int equal = 0;
    try (PriorModel model =
        PriorModel.load(golden.checkpoint(), compute, Goldens.kernels(compute))) {
      for (String sub : golden.subCases()) {
        try (TensorScope scope = new TensorScope()) {
          Tensor all = processor.tensor(sub + "/pixel_values");
          long[] tokens = golden.longs(sub + "/tokens");
          List<Tensor> last = new ArrayList<>();
          int from = 0;
          for (Grid grid : PriorFixture.grids(golden, sub + "/grid_thw")) {
            Tensor pixels = all.narrow(0, from, grid.size());
            last.add(model.tower().forward(pixels, grid));
            for (int id : model.sourceTokens(pixels, grid)) {
              equal += id == tokens[from] ? 1 : 0;
              from++;
            }
          }
          ids += from;
          new NormTolerance("bfloat16", BFLOAT16)
              .check(golden, sub + "/last_hidden_state", Ops.cat(0, last));
        }
      }
    }
    new NormTolerance("bfloat16", 0)
        .atLeast(golden.name(), "source ids that agree", BFLOAT16_IDS, equal / (double) ids);
  }

  private static void check(GoldenCase golden, GoldenCase processor, PriorModel model, String sub) {
    VisionTower tower = model.tower();
    Tolerance tolerance = golden.tolerance();
    List<Grid> grids = PriorFixture.grids(golden, sub + "/grid_thw");
    Tensor all = processor.tensor(sub + "/pixel_values");
    List<Tensor> patches = new ArrayList<>();
    List<Tensor> embedded = new ArrayList<>();
    List<Tensor> last = new ArrayList<>();
    List<Integer> ids = new ArrayList<>();
    long from = 0;
    for (int k = 0; k < grids.size(); k++) {
      Grid grid = grids.get(k);
      Tensor pixels = all.narrow(0, from, grid.size());
      from += grid.size();
      patches.add(tower.patchEmbed(pixels));
      embedded.add(tower.embed(patches.get(k), grid));
      last.add(tower.forward(pixels, grid));
      Tensor projected = model.quantizer().project(last.get(k));
      // [N, Q] -> [1, Q, rows, columns]
      Tensor image =
          projected.transpose(0, 1).reshape(1, projected.size(1), grid.rows(), grid.columns());
      tolerance.check(golden, sub + "/quant_conv_" + k, image);
      for (int id : model.sourceTokens(pixels, grid)) {
        ids.add(id);
      }
    }
    if (golden.has(sub + "/patch_embed")) {
      tolerance.check(golden, sub + "/patch_embed", Ops.cat(0, patches));
      tolerance.check(golden, sub + "/embeddings", Ops.cat(0, embedded));
      List<Tensor> x = embedded;
      for (int i = 0; i < tower.blocks(); i++) {
        int block = i;
        x = x.stream().map(t -> tower.block(block, t)).toList();
        tolerance.check(golden, sub + "/block_" + i, Ops.cat(0, x));
      }
    }
    tolerance.check(golden, sub + "/last_hidden_state", Ops.cat(0, last));
    Tolerance.exact(
        golden.name(),
        sub + "/tokens",
        golden.longs(sub + "/tokens"),
        ids.stream().mapToLong(Integer::longValue).toArray());
  }
}
