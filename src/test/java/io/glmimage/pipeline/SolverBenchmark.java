package io.glmimage.pipeline;

import io.glmimage.image.RgbImage;
import io.glmimage.model.Observer;
import io.glmimage.request.EditRequest;
import io.glmimage.request.Sizing;
import io.glmimage.request.Solver;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Precision;
import io.glmimage.tensor.TensorScope;
import io.glmimage.weights.CheckpointFolder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * What solvers, step counts, step caching and precisions change in the images of the bundled model.
 * Run {@code main}; arguments: scenes, pixels per side, device, then variants. A variant is {@code
 * euler-10}, {@code multistep2-10}, or {@code cache0.1-50} for step caching (X - steps), with
 * {@code fp8-} before it for that precision, which then also draws the prior tokens. Every image is
 * compared with those of 50 and of 200 Euler steps of the usual precision, with the same prior
 * tokens and noise. A line is the number of network evaluations of a branch, the PSNR to both
 * (median and lowest over the scenes) and the number of correct scenes ({@link Scene#right}). What
 * is known so far is printed after every tenth scene.
 */
final class SolverBenchmark {
  private static final Path MODEL = Path.of("src/main/resources/models/glm-image-tiny");
  private static final double GUIDANCE = 1.5;
  private static final List<String> VARIANTS =
      List.of(
          "euler-50",
          "euler-20",
          "euler-10",
          "euler-6",
          "multistep2-20",
          "multistep2-10",
          "multistep2-8",
          "multistep2-6",
          "cache0.1-50",
          "fp8-euler-50",
          "fp8-multistep2-8");

  /** How images are made. */
  private record Variant(
      String name, Precision precision, Solver solver, double stepCache, int steps) {
    static Variant of(String name) {
      Precision precision = name.startsWith("fp8-") ? Precision.FP8 : Precision.AUTO;
      String rest = name.replaceFirst("^fp8-", "");
      int at = rest.lastIndexOf('-');
      String how = rest.substring(0, at);
      boolean cached = how.startsWith("cache");
      return new Variant(
          name,
          precision,
          cached ? Solver.EULER : Solver.of(how).orElseThrow(),
          cached ? Double.parseDouble(how.substring("cache".length())) : 0,
          Integer.parseInt(rest.substring(at + 1)));
    }

    EditRequest request(Scene scene, RgbImage source, long seed) {
      return new EditRequest(
          "scene",
          scene.prompt,
          List.of(source),
          null,
          null,
          steps,
          GUIDANCE,
          seed,
          stepCache,
          solver,
          Sizing.DEFAULT,
          null);
    }
  }

  /** The figures of a variant, over the scenes so far. */
  private static final class Figures {
    private final List<Double> to50 = new ArrayList<>();
    private final List<Double> to200 = new ArrayList<>();
    private int evaluations;
    private int right;
  }

  private static final Variant REFERENCE = Variant.of("euler-50");
  private static final Variant CONVERGED = Variant.of("euler-200");

  private final Map<Precision, GlmImagePipeline> pipelines;
  private final Map<Variant, Figures> figures = new LinkedHashMap<>();

  private SolverBenchmark(Map<Precision, GlmImagePipeline> pipelines, List<Variant> variants) {
    this.pipelines = pipelines;
    variants.forEach(variant -> figures.put(variant, new Figures()));
  }

  public static void main(String[] args) {
    int scenes = args.length > 0 ? Integer.parseInt(args[0]) : 60;
    int pixels = args.length > 1 ? Integer.parseInt(args[1]) : 128;
    Compute compute = Compute.of(args.length > 2 ? args[2] : "cpu");
    List<String> names = args.length > 3 ? Arrays.asList(args).subList(3, args.length) : VARIANTS;
    List<Variant> variants = names.stream().map(Variant::of).toList();
    Map<Precision, GlmImagePipeline> pipelines = new EnumMap<>(Precision.class);
    try {
      pipelines.put(Precision.AUTO, load(compute, Precision.AUTO));
      if (variants.stream().anyMatch(variant -> variant.precision() == Precision.FP8)) {
        pipelines.put(Precision.FP8, load(compute, Precision.FP8));
      }
      SolverBenchmark benchmark = new SolverBenchmark(pipelines, variants);
      for (int i = 0; i < scenes; i++) {
        benchmark.add(new Scene(i, pixels), i);
        if ((i + 1) % 10 == 0 || i + 1 == scenes) {
          System.out.printf("%d scenes, %d x %d, %s%n", i + 1, pixels, pixels, compute);
          benchmark.print(i + 1);
        }
      }
    } finally {
      pipelines.values().forEach(GlmImagePipeline::close);
    }
  }

  private static GlmImagePipeline load(Compute compute, Precision precision) {
    return GlmImagePipeline.load(CheckpointFolder.open(MODEL), compute.withPrecision(precision));
  }

  private void add(Scene scene, long seed) {
    RgbImage source = scene.draw();
    Map<Precision, PriorTokens> tokens = new EnumMap<>(Precision.class);
    pipelines.forEach(
        (precision, pipeline) ->
            tokens.put(
                precision,
                pipeline
                    .generatePriorTokens(
                        List.of(pipeline.prepare(REFERENCE.request(scene, source, seed))))
                    .get(0)));
    RgbImage at50 = image(REFERENCE, scene, source, seed, tokens);
    RgbImage at200 = image(CONVERGED, scene, source, seed, tokens);
    figures.forEach(
        (variant, all) -> {
          RgbImage made =
              variant.equals(REFERENCE) ? at50 : image(variant, scene, source, seed, tokens);
          all.to50.add(Likeness.decibels(at50.pixels(), made.pixels()));
          all.to200.add(Likeness.decibels(at200.pixels(), made.pixels()));
          all.right += scene.right(made) ? 1 : 0;
          GlmImagePipeline pipeline = pipelines.get(variant.precision());
          all.evaluations =
              variant.steps()
                  - pipeline
                      .stepPlan(pipeline.prepare(variant.request(scene, source, seed)))
                      .reusedSteps();
        });
  }

  private RgbImage image(
      Variant variant,
      Scene scene,
      RgbImage source,
      long seed,
      Map<Precision, PriorTokens> tokens) {
    GlmImagePipeline pipeline = pipelines.get(variant.precision());
    PreparedRequest row = pipeline.prepare(variant.request(scene, source, seed));
    try (TensorScope scope = new TensorScope()) {
      return pipeline.decode(
          pipeline.denoise(
              row,
              tokens.get(variant.precision()),
              pipeline.prepareLatents(row),
              pipeline.encodePrompt(scene.prompt),
              Observer.NONE));
    }
  }

  private void print(int scenes) {
    System.out.printf(
        "%-20s %11s %10s %10s %11s %11s %s%n",
        "", "evaluations", "to 50: dB", "lowest", "to 200: dB", "lowest", "right");
    figures.forEach(
        (variant, all) ->
            System.out.printf(
                Locale.ROOT,
                "%-20s %11d %10.1f %10.1f %11.1f %11.1f %d of %d%n",
                variant.name(),
                all.evaluations,
                median(all.to50),
                all.to50.stream().mapToDouble(d -> d).min().orElseThrow(),
                median(all.to200),
                all.to200.stream().mapToDouble(d -> d).min().orElseThrow(),
                all.right,
                scenes));
    System.out.flush();
  }

  private static double median(List<Double> values) {
    double[] sorted = values.stream().mapToDouble(d -> d).sorted().toArray();
    int half = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  }
}
