package io.glmimage.model.prior;

import io.glmimage.golden.GoldenCase;
import io.glmimage.golden.Goldens;
import io.glmimage.golden.Tolerance;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import java.util.Collections;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@Tag("parity")
class RopeParityTest {
  private static final Tolerance TABLES = new Tolerance(1e-5, 1e-6);

  static List<GoldenCase> cases() {
    return Goldens.cases("03_rope_index");
  }

  @ParameterizedTest
  @MethodSource("cases")
  void givesTheReferencesPositions(GoldenCase golden) {
    GoldenCase processor = PriorFixture.processorOf(golden);
    try (PriorModel model =
        PriorModel.load(golden.checkpoint(), Goldens.compute(), Goldens.kernels())) {
      for (String sub : golden.subCases()) {
        List<PriorFixture.Row> rows = new PriorFixture(processor, sub).rows();
        for (int b = 0; b < rows.size(); b++) {
          check(golden, sub, rows.get(b), b, rows.size(), model);
        }
      }
    }
  }

  private static void check(
      GoldenCase golden, String sub, PriorFixture.Row row, int b, int batch, PriorModel model) {
    // Positions depend on the grids only.
    PriorPrompt prompt =
        new PriorPrompt(
            row.ids(), Collections.emptyList(), row.sourceGrids(), row.decodeGrids(), 0);
    RopePositions positions = model.positions(prompt);
    int length = row.ids().length;
    int tokens = prompt.newTokens();
    int padded = PriorFixture.columns(golden, sub + "/position_ids");
    int decodePadded = PriorFixture.columns(golden, sub + "/decode_position_ids");
    long[] prefill = golden.longs(sub + "/position_ids");
    long[] decode = golden.longs(sub + "/decode_position_ids");
    long[] expected = new long[3 * (length + tokens + 1)];
    long[] actual = new long[expected.length];
    int i = 0;
    for (int axis = 0; axis < 3; axis++) {
      for (int t = 0; t < length + tokens + 1; t++) {
        expected[i] =
            t < length
                ? prefill[(axis * batch + b) * padded + row.columns()[t]]
                : decode[(b * 3 + axis) * decodePadded + t - length];
        actual[i++] = positions.axes()[axis][t];
      }
    }
    Tolerance.exact(golden.name(), sub + "/positions row " + b, expected, actual);
    if (golden.has(sub + "/cos")) {
      try (TensorScope scope = new TensorScope()) {
        RotaryTable.CosSin table = model.rotary().at(positions, 0, length);
        checkTable(golden, sub + "/cos", table.cos(), row, b);
        checkTable(golden, sub + "/sin", table.sin(), row, b);
      }
    }
  }

  /** The reference repeats the table for the second half of the rotated width. */
  private static void checkTable(
      GoldenCase golden, String name, Tensor table, PriorFixture.Row row, int b) {
    Tensor columns =
        Ops.to(Ops.of(row.columns(), row.columns().length), Goldens.compute(), ScalarType.Long);
    Tensor expected = golden.tensor(name).select(0, b).index_select(0, columns);
    TABLES.check(
        golden.name(),
        name + " row " + b,
        Ops.toFloats(expected),
        Ops.toFloats(Ops.cat(1, table, table)));
  }
}
