package io.glmimage.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.glmimage.error.UsageException;
import io.glmimage.manifest.EditSettings;
import io.glmimage.request.Preset;
import io.glmimage.request.Sizing;
import io.glmimage.request.Solver;
import io.glmimage.tensor.Precision;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What {@code --preset} makes of the options of a job. */
class PresetTest {
  private static JobOptions options(String... more) {
    List<String> arguments = new ArrayList<>(List.of("--manifest=m.parquet", "--output=o"));
    arguments.addAll(List.of(more));
    return EditCommand.options(new Console(null, null, false, null, null), arguments);
  }

  /** Preset, precision, solver and steps, as in the report. */
  private static List<String> reported(JobOptions options) {
    Map<String, String> byName = options.byName();
    return List.of(
        byName.get("preset"), byName.get("precision"), byName.get("solver"), byName.get("steps"));
  }

  private static EditSettings row(int steps, double stepCache, Solver solver) {
    return new EditSettings(null, null, steps, 1.5, 7, stepCache, solver, Sizing.DEFAULT);
  }

  @Test
  void aPresetGivesPrecisionSolverAndSteps() {
    for (Preset preset : Preset.values()) {
      JobOptions options = options("--preset", preset.label());
      assertEquals(
          List.of(
              preset.label(),
              preset.precision(),
              preset.solver().label(),
              String.valueOf(preset.steps())),
          reported(options));
      assertEquals(preset.steps(), options.defaults().steps());
      assertEquals(preset.solver(), options.defaults().solver());
      assertEquals(preset.precision(), options.engine().precision().toString());
    }
  }

  @Test
  void theDefaultIsExact() {
    assertEquals(List.of("exact", "auto", "euler", "50"), reported(options()));
    assertEquals(options().fingerprint(), options("--preset", "exact").fingerprint());
    assertNotEquals(options().fingerprint(), options("--preset", "balanced").fingerprint());
  }

  @Test
  void anOptionReplacesItsPartAndTheSettingsAreNoLongerThePreset() {
    assertEquals(
        List.of("custom", "auto", "multistep2", "20"),
        reported(options("--preset", "fast", "--steps", "20")));
    assertEquals(
        List.of("custom", "auto", "euler", "6"),
        reported(options("--preset", "fast", "--solver", "euler")));
    JobOptions fp8 = options("--preset", "balanced", "--precision", "fp8");
    assertEquals(List.of("custom", "fp8", "multistep2", "10"), reported(fp8));
    assertEquals(Precision.FP8, fp8.engine().precision());
    assertNull(fp8.defaults().presetOf(row(10, 0, Solver.MULTISTEP2)));
    assertEquals("custom", reported(options("--step-cache", "0.1")).get(0));
    // The same value changes nothing.
    assertEquals("fast", reported(options("--preset", "fast", "--steps", "6")).get(0));
  }

  @Test
  void theSameSettingsHaveTheSameFingerprintHoweverTheyAreGiven() {
    assertEquals(
        options("--solver", "multistep2", "--steps", "6").fingerprint(),
        options("--preset", "fast").fingerprint());
  }

  @Test
  void aRowWithSettingsOfItsOwnIsNotOfThePreset() {
    JobOptions fast = options("--preset", "fast");
    assertEquals(Preset.FAST, fast.defaults().presetOf(row(6, 0, Solver.MULTISTEP2)));
    assertNull(fast.defaults().presetOf(row(7, 0, Solver.MULTISTEP2)));
    assertNull(fast.defaults().presetOf(row(6, 0, Solver.EULER)));
    assertNull(fast.defaults().presetOf(row(6, 0.1, Solver.MULTISTEP2)));
  }

  @Test
  void whatCannotBeCombinedIsRefused() {
    for (String[] refused :
        new String[][] {
          {"--preset", "balanced", "--step-cache", "0.1"},
          {"--solver", "multistep2", "--step-cache", "0.1"}
        }) {
      assertEquals(
          "Invalid --step-cache: a step cache of 0.1 cannot be combined with the solver multistep2,"
              + " which needs every step computed (choose one of the two)",
          assertThrows(UsageException.class, () -> options(refused)).getMessage());
    }
    JobOptions cached = options("--preset", "fast", "--solver", "euler", "--step-cache", "0.1");
    assertEquals(0.1, cached.defaults().stepCache());
  }
}
