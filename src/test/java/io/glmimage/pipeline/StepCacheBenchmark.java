package io.glmimage.pipeline;

import io.glmimage.image.RgbImage;
import io.glmimage.model.Observer;
import io.glmimage.model.dit.StepPlan;
import io.glmimage.request.EditRequest;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.TensorScope;
import io.glmimage.weights.CheckpointFolder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * The effect of step caching on the images of the bundled model. Run {@code main}; arguments:
 * steps, scenes, pixels per side, device. Prints for every threshold the number of reused steps,
 * the PSNR to the image of the same request without caching, and the number of correct scenes
 * ({@link Scene#right}).
 */
final class StepCacheBenchmark {
  private static final Path MODEL = Path.of("src/main/resources/models/glm-image-tiny");
  private static final double[] THRESHOLDS = {0.03, 0.05, 0.08, 0.1, 0.12, 0.15, 0.2, 0.3};

  private StepCacheBenchmark() {}

  public static void main(String[] args) {
    int steps = args.length > 0 ? Integer.parseInt(args[0]) : 20;
    int scenes = args.length > 1 ? Integer.parseInt(args[1]) : 20;
    int pixels = args.length > 2 ? Integer.parseInt(args[2]) : 128;
    Compute compute = Compute.of(args.length > 3 ? args[3] : "cpu");
    RgbImage[] exact = new RgbImage[scenes];
    int exactRight = 0;
    double[][] decibels = new double[THRESHOLDS.length][scenes];
    int[] right = new int[THRESHOLDS.length];
    StepPlan[] plans = new StepPlan[THRESHOLDS.length];
    try (GlmImagePipeline pipeline = GlmImagePipeline.load(CheckpointFolder.open(MODEL), compute)) {
      for (int i = 0; i < scenes; i++) {
        Scene scene = new Scene(i, pixels);
        RgbImage source = scene.draw();
        PriorTokens tokens =
            pipeline
                .generatePriorTokens(List.of(pipeline.prepare(request(scene, source, steps, i, 0))))
                .get(0);
        exact[i] = image(pipeline, request(scene, source, steps, i, 0), tokens);
        exactRight += scene.right(exact[i]) ? 1 : 0;
        for (int t = 0; t < THRESHOLDS.length; t++) {
          EditRequest request = request(scene, source, steps, i, THRESHOLDS[t]);
          plans[t] = pipeline.stepPlan(pipeline.prepare(request));
          RgbImage cached = image(pipeline, request, tokens);
          decibels[t][i] = Likeness.decibels(exact[i].pixels(), cached.pixels());
          right[t] += scene.right(cached) ? 1 : 0;
        }
      }
      System.out.printf("%d steps, %d x %d, %s%n", steps, pixels, pixels, compute);
      System.out.printf(
          "%-10s %-8s %-10s %-10s right (exact: %d of %d)%n",
          "threshold", "reused", "median dB", "lowest dB", exactRight, scenes);
      for (int t = 0; t < THRESHOLDS.length; t++) {
        Arrays.sort(decibels[t]);
        StepPlan plan = plans[t];
        System.out.printf(
            Locale.ROOT,
            "%-10s %-8s %-10.1f %-10.1f %-6d %s%n",
            THRESHOLDS[t],
            plan.reusedSteps() + "/" + steps,
            decibels[t][scenes / 2],
            decibels[t][0],
            right[t],
            text(plan));
      }
    }
  }

  private static EditRequest request(
      Scene scene, RgbImage source, int steps, long seed, double threshold) {
    return new EditRequest(
        "scene", scene.prompt, List.of(source), null, null, steps, 1.5, seed, threshold);
  }

  private static RgbImage image(
      GlmImagePipeline pipeline, EditRequest request, PriorTokens tokens) {
    try (TensorScope scope = new TensorScope()) {
      PreparedRequest row = pipeline.prepare(request);
      return pipeline.decode(
          pipeline.denoise(
              row,
              tokens,
              pipeline.prepareLatents(row),
              pipeline.encodePrompt(request.prompt()),
              Observer.NONE));
    }
  }

  /** One mark per step: # runs the blocks, . reuses them. */
  private static String text(StepPlan plan) {
    StringBuilder marks = new StringBuilder();
    for (int i = 0; i < plan.steps(); i++) {
      marks.append(plan.reuses(i) ? '.' : '#');
    }
    return marks.toString();
  }
}
