package io.glmimage.bench;

import io.glmimage.bench.BenchReport.Figure;
import io.glmimage.model.Grid;
import io.glmimage.model.Observer;
import io.glmimage.model.prior.PriorOptions;
import io.glmimage.model.vae.Pixels;
import io.glmimage.pipeline.GlmImagePipeline;
import io.glmimage.pipeline.PreparedRequest;
import io.glmimage.pipeline.PriorTokens;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Libtorch;
import io.glmimage.tensor.MemoryRule;
import io.glmimage.tensor.Precision;
import io.glmimage.tensor.TensorScope;
import io.glmimage.weights.CheckpointFolder;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.Consumer;
import org.bytedeco.pytorch.Tensor;

/**
 * Measures the speed of the pipeline's parts and of whole edits, and compares it with the best that
 * the device could do ({@link Floors}). Only the checkpoint's configuration files are read. Weights
 * are random, since their values don't change the time.
 */
public final class PipelineBenchmark {
  private static final int REPEATS = 5;

  /** Decoding steps per measurement; the first fifth is not counted. */
  private static final int DECODE_STEPS = 325;

  private final GlmImagePipeline pipeline;
  private final BenchSettings settings;
  private final Compute compute;
  private final Floors floors;
  private final SyntheticRows synthetic;
  private final List<Figure> figures = new ArrayList<>();
  private final Consumer<Figure> listener;

  PipelineBenchmark(
      GlmImagePipeline pipeline,
      CheckpointFolder folder,
      Compute compute,
      BenchSettings settings,
      Consumer<Figure> listener) {
    this.pipeline = pipeline;
    this.settings = settings;
    this.compute = compute;
    this.listener = listener;
    floors = new Floors(folder, compute, settings);
    synthetic =
        new SyntheticRows(settings, folder, pipeline.patchValues(), pipeline.codebookSize());
  }

  /**
   * Measures everything. Takes some minutes at the real geometry on a GPU.
   *
   * @param folder see {@link CheckpointFolder#openWithRandomWeights}
   * @param precision the name of a {@link Precision}
   * @param gpuMemory bytes of the GPU that may be used; 0 for all that is free
   * @param listener receives every figure as soon as it is known
   */
  public static BenchReport run(
      CheckpointFolder folder,
      String device,
      String precision,
      long gpuMemory,
      BenchSettings settings,
      Consumer<Figure> listener) {
    Compute compute = Compute.of(device).withPrecision(Precision.parse(precision));
    List<Figure> figures;
    GpuSampler.Means gpu;
    long start = System.nanoTime();
    try (GlmImagePipeline pipeline =
        GlmImagePipeline.loadWithoutProcessor(
            folder,
            compute,
            PriorOptions.defaults(compute),
            MemoryRule.STANDARD.withBudget(gpuMemory))) {
      PipelineBenchmark benchmark =
          new PipelineBenchmark(pipeline, folder, compute, settings, listener);
      Libtorch.synchronize();
      benchmark.add("load (random weights)", Timing.secondsSince(start), Double.NaN);
      benchmark.vae();
      benchmark.dit();
      benchmark.prior();
      try (GpuSampler sampler = GpuSampler.start(compute)) {
        benchmark.endToEnd();
        figures = benchmark.figures;
        gpu = sampler.stop();
      }
    }
    // libtorch keeps the memory that the pipeline has freed, so this is still what it took.
    return new BenchReport(figures, gpu, Libtorch.gpuMemoryInUse() / 1e9);
  }

  private void add(String name, double seconds, double floor) {
    Figure figure = new Figure(name, seconds, floor);
    figures.add(figure);
    listener.accept(figure);
  }

  private void vae() {
    try (TensorScope scope = new TensorScope()) {
      Tensor pixels = Pixels.toTensor(List.of(synthetic.image(1)), compute);
      Tensor latents = pipeline.vae().encode(pixels);
      add("VAE encode", median(() -> pipeline.vae().encode(pixels)), Double.NaN);
      add("VAE decode", median(() -> pipeline.vae().decode(latents)), Double.NaN);
    }
  }

  /** Forward passes of the DiT: one branch without and with sources, then a whole guided step. */
  private void dit() {
    int sources = settings.sources();
    if (sources > 0) {
      step("DiT, 1 branch, no source", 0, 1, 0, floors.branch(0));
      step(
          "DiT, 1 branch, " + sources + " source(s) cached", sources, 1, 0, floors.branch(sources));
    }
    step("DiT, guided step", sources, 1.5, 0, floors.guidedStep());
    // With a threshold of 1, all steps but the first and the last reuse the blocks of the first.
    step("DiT, guided step that reuses", sources, 1.5, 1, Double.NaN);
  }

  private void step(String name, int sources, double guidance, double stepCache, double floor) {
    PreparedRequest row = synthetic.row(0, sources, REPEATS + 2, guidance, stepCache);
    List<Double> times = new ArrayList<>();
    long[] last = {0};
    try (TensorScope scope = new TensorScope()) {
      pipeline.denoise(
          row,
          synthetic.priorTokens(row),
          pipeline.prepareLatents(row),
          glyphs(),
          (what, tensor) -> {
            Libtorch.synchronize();
            long now = System.nanoTime();
            if (what.equals("step_latents") && last[0] != 0) {
              times.add((now - last[0]) / 1e9);
            }
            last[0] = now;
          });
    }
    // The first interval contains what happens between the last source and the first step.
    add(name, Timing.median(times.subList(1, times.size())), floor);
  }

  private void prior() {
    int slots = PriorOptions.defaults(compute).slots();
    SortedSet<Integer> counts = new TreeSet<>(List.of(1, Math.min(16, slots), slots));
    for (int count : counts) {
      List<PreparedRequest> rows = synthetic.rows(count);
      if (settings.sources() > 0) {
        add(
            "prior source images, a row of " + count,
            Timing.median(() -> rows.forEach(pipeline::sourceTokens), 3) / count,
            floors.sourceTokens());
      }
      add(
          "prior prefill, a row of " + count,
          Timing.median(() -> generate(rows, new Grid(1, 1), () -> {}), 3) / count,
          floors.prefill());
      add("prior decode step, " + count + " row(s)", decodeStep(rows), floors.decodeStep());
    }
  }

  /** Seconds per step of all rows. */
  private double decodeStep(List<PreparedRequest> rows) {
    int steps = Math.max(5, Math.min(DECODE_STEPS, settings.grid().size() - 1));
    int uncounted = steps / 5;
    List<Double> times = new ArrayList<>();
    for (int i = 0; i < REPEATS; i++) {
      int[] done = {0};
      long[] start = {0};
      generate(
          rows,
          new Grid(1, steps + 1),
          () -> {
            done[0]++;
            if (done[0] == uncounted || done[0] == steps) {
              Libtorch.synchronize();
              long now = System.nanoTime();
              if (done[0] == steps) {
                times.add((now - start[0]) / 1e9 / (steps - uncounted));
              }
              start[0] = now;
            }
          });
    }
    return Timing.median(times);
  }

  private void generate(List<PreparedRequest> rows, Grid grid, Runnable afterStep) {
    pipeline.generatePriorTokens(
        rows.stream().map(row -> SyntheticRows.withTarget(row, grid)).toList(), afterStep);
  }

  private void endToEnd() {
    endToEnd(settings.edits());
  }

  /**
   * Whole edits.
   *
   * @param denoised the rows that are denoised and decoded; the prior tokens are those of all
   */
  void endToEnd(int denoised) {
    List<PreparedRequest> rows = synthetic.rows(settings.edits());
    long start = System.nanoTime();
    List<PriorTokens> tokens = pipeline.generatePriorTokens(rows);
    Libtorch.synchronize();
    double priorSeconds = Timing.secondsSince(start);
    start = System.nanoTime();
    for (int i = 0; i < denoised; i++) {
      PreparedRequest row = rows.get(i);
      try (TensorScope scope = new TensorScope()) {
        pipeline.decode(
            pipeline.denoise(
                row, tokens.get(i), pipeline.prepareLatents(row), glyphs(), Observer.NONE));
      }
    }
    double imageSeconds = Timing.secondsSince(start) / denoised;
    int edits = settings.edits();
    int reused = pipeline.stepPlan(rows.get(0)).reusedSteps();
    int newTokens = rows.get(0).prompt().maxNewTokens() - 1;
    add(
        "prior tokens, an image of " + edits,
        priorSeconds / edits,
        floors.priorPerImage(newTokens));
    add(
        "edit, an image of "
            + edits
            + (settings.stepCache() > 0 ? ", " + reused + " steps reused" : ""),
        priorSeconds / edits + imageSeconds,
        floors.edit(newTokens, reused));
  }

  private Tensor glyphs() {
    return pipeline.encodePrompt("make the text say \"thirty-two glyph characters long\"");
  }

  private static double median(Runnable work) {
    return Timing.median(work, REPEATS);
  }
}
