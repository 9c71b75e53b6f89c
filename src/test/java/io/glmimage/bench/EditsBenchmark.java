package io.glmimage.bench;

import io.glmimage.model.prior.PriorOptions;
import io.glmimage.pipeline.GlmImagePipeline;
import io.glmimage.request.Preset;
import io.glmimage.request.Solver;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.MemoryRule;
import io.glmimage.tensor.Precision;
import io.glmimage.weights.CheckpointFolder;
import java.nio.file.Path;

/**
 * Measures whole edits of 1024 x 1024 pixels with several settings and one loaded model, as {@code
 * bench} does with one. Weights are random.
 *
 * <pre>{@code java -cp CLASSES:JARS io.glmimage.bench.EditsBenchmark GEOMETRY DEVICE PRECISION SIDE
 * SETTINGS...}</pre>
 *
 * <p>Settings are {@code PRESET:ROWS} or {@code STEPS:ROWS} (Euler), and {@code :DENOISED} if only
 * some of the rows are denoised. The prior tokens are always those of all rows.
 */
final class EditsBenchmark {
  private EditsBenchmark() {}

  public static void main(String[] arguments) {
    CheckpointFolder folder = CheckpointFolder.openWithRandomWeights(Path.of(arguments[0]));
    Compute compute = Compute.of(arguments[1]).withPrecision(Precision.parse(arguments[2]));
    int side = Integer.parseInt(arguments[3]);
    System.out.println(BenchReport.HEADING);
    try (GlmImagePipeline pipeline =
        GlmImagePipeline.loadWithoutProcessor(
            folder, compute, PriorOptions.defaults(compute), MemoryRule.STANDARD)) {
      for (int i = 4; i < arguments.length; i++) {
        String label = arguments[2] + " " + arguments[i];
        String[] parts = arguments[i].split(":", -1);
        BenchSettings settings = settings(side, parts);
        PipelineBenchmark benchmark =
            new PipelineBenchmark(
                pipeline,
                folder,
                compute,
                settings,
                figure -> System.out.println(figure.line() + "  " + label));
        benchmark.endToEnd(parts.length > 2 ? Integer.parseInt(parts[2]) : settings.edits());
      }
    }
    System.exit(0);
  }

  private static BenchSettings settings(int side, String[] parts) {
    Preset preset = Preset.of(parts[0]).orElse(null);
    return new BenchSettings(
        side,
        side,
        preset == null ? Integer.parseInt(parts[0]) : preset.steps(),
        1.5,
        preset == null ? Solver.EULER : preset.solver(),
        0,
        Integer.parseInt(parts[1]),
        1,
        40,
        new BenchSettings.Peak(790, 3));
  }
}
