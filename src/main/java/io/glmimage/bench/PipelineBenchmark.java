package io.glmimage.bench;

import io.glmimage.image.PixelSize;
import io.glmimage.image.RgbImage;
import io.glmimage.model.Grid;
import io.glmimage.model.Observer;
import io.glmimage.model.OutputLimits;
import io.glmimage.model.prior.PriorOptions;
import io.glmimage.model.processor.ProcessedPrompt;
import io.glmimage.model.processor.SourcePixels;
import io.glmimage.model.vae.Pixels;
import io.glmimage.pipeline.GlmImagePipeline;
import io.glmimage.pipeline.PreparedRequest;
import io.glmimage.pipeline.PriorTokens;
import io.glmimage.request.EditRequest;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Libtorch;
import io.glmimage.tensor.Precision;
import io.glmimage.tensor.TensorScope;
import io.glmimage.weights.CheckpointFolder;
import io.glmimage.weights.ConfigFile;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import org.bytedeco.pytorch.Tensor;

/**
 * Speed of the pipeline's parts and of whole edits, beside what the device could do at best. Takes
 * a checkpoint's configuration files only: weights are random, since their values don't change the
 * time.
 */
public final class PipelineBenchmark {
  private static final int REPEATS = 5;

  /** Decoding steps that a measurement takes; the first fifth of them is not counted. */
  private static final int DECODE_STEPS = 325;

  /**
   * What to measure.
   *
   * @param height of sources and results in pixels, a multiple of 32
   * @param width of sources and results in pixels, a multiple of 32
   * @param steps denoising steps of an edit
   * @param guidance guidance scale of an edit
   * @param stepCache step caching threshold of an edit, 0 for none
   * @param edits edits of the end-to-end measurement, decoded together
   * @param sources source images of an edit
   * @param textTokens length of the prompt's text in tokens
   * @param teraflops what the device does in matrix products of the compute dtype, for the floors
   * @param terabytes memory bandwidth in TB/s, for the floors
   */
  public record Settings(
      int height,
      int width,
      int steps,
      double guidance,
      double stepCache,
      int edits,
      int sources,
      int textTokens,
      double teraflops,
      double terabytes) {
    public Settings {
      if (height % OutputLimits.TOKEN_PIXELS != 0
          || width % OutputLimits.TOKEN_PIXELS != 0
          || height <= 0
          || width <= 0) {
        throw new IllegalArgumentException(
            "Invalid size: "
                + height
                + " x "
                + width
                + ", expected multiples of "
                + OutputLimits.TOKEN_PIXELS);
      }
      if (!(stepCache >= 0 && stepCache <= 1)) {
        throw new IllegalArgumentException(
            "Invalid step cache: " + stepCache + ", expected 0 to 1");
      }
      if (steps < 1 || edits < 1 || sources < 0 || textTokens < 1) {
        throw new IllegalArgumentException(
            "Invalid benchmark: steps, edits and text tokens must be at least 1");
      }
    }
  }

  /**
   * One figure.
   *
   * @param name what was measured
   * @param seconds the median
   * @param floor what the device needs at least, in seconds; NaN where none is known
   */
  public record Figure(String name, double seconds, double floor) {}

  /**
   * All that was measured.
   *
   * @param gpu the GPU's load during the end-to-end measurement, null where it could not be sampled
   */
  public record Report(List<Figure> figures, GpuSampler.Means gpu) {}

  private final GlmImagePipeline pipeline;
  private final Settings settings;
  private final ConfigFile prior;
  private final ConfigFile dit;
  private final Compute compute;
  private final List<Figure> figures = new ArrayList<>();
  private final Consumer<Figure> listener;

  private PipelineBenchmark(
      GlmImagePipeline pipeline,
      CheckpointFolder folder,
      Compute compute,
      Settings settings,
      Consumer<Figure> listener) {
    this.pipeline = pipeline;
    this.settings = settings;
    this.compute = compute;
    this.listener = listener;
    prior = folder.config("vision_language_encoder/config.json");
    dit = folder.config("transformer/config.json");
  }

  /**
   * Measures everything, in some minutes at the real geometry on a GPU.
   *
   * @param folder see {@link CheckpointFolder#openWithRandomWeights}
   * @param precision {@code auto} or {@code fp8}
   * @param listener sees every figure when it is known
   */
  public static Report run(
      CheckpointFolder folder,
      String device,
      String precision,
      Settings settings,
      Consumer<Figure> listener) {
    Compute compute = Compute.of(device).withPrecision(Precision.parse(precision));
    long start = System.nanoTime();
    try (GlmImagePipeline pipeline =
        GlmImagePipeline.loadWithoutProcessor(folder, compute, PriorOptions.defaults(compute))) {
      PipelineBenchmark benchmark =
          new PipelineBenchmark(pipeline, folder, compute, settings, listener);
      Libtorch.synchronize();
      benchmark.add("load (random weights)", (System.nanoTime() - start) / 1e9, Double.NaN);
      benchmark.vae();
      benchmark.dit();
      benchmark.prior();
      try (GpuSampler sampler = GpuSampler.start(compute)) {
        benchmark.endToEnd();
        return new Report(benchmark.figures, sampler.stop());
      }
    }
  }

  private void add(String name, double seconds, double floor) {
    Figure figure = new Figure(name, seconds, floor);
    figures.add(figure);
    listener.accept(figure);
  }

  private void vae() {
    RgbImage image = noise(1);
    try (TensorScope scope = new TensorScope()) {
      Tensor pixels = Pixels.toTensor(List.of(image), compute);
      Tensor latents = pipeline.vae().encode(pixels);
      add("VAE encode", median(() -> pipeline.vae().encode(pixels)), Double.NaN);
      add("VAE decode", median(() -> pipeline.vae().decode(latents)), Double.NaN);
    }
  }

  /** Forwards of the DiT: one branch without a source, one with, and a whole guided step. */
  private void dit() {
    if (settings.sources() > 0) {
      step("DiT, 1 branch, no source", 0, 1, 0, floorOfBranch(0));
      step(
          "DiT, 1 branch, " + settings.sources() + " source(s) cached",
          settings.sources(),
          1,
          0,
          floorOfBranch(settings.sources()));
    }
    step(
        "DiT, guided step",
        settings.sources(),
        1.5,
        0,
        floorOfBranch(0) + floorOfBranch(settings.sources()));
    // All steps but the first and the last reuse what the blocks added in the first.
    step("DiT, guided step that reuses", settings.sources(), 1.5, 1, Double.NaN);
  }

  private void step(String name, int sources, double guidance, double stepCache, double floor) {
    PreparedRequest row = row(0, sources, REPEATS + 2, guidance, stepCache);
    List<Double> times = new ArrayList<>();
    long[] last = {0};
    try (TensorScope scope = new TensorScope()) {
      pipeline.denoise(
          row,
          randomTokens(row),
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
    // The first interval holds what happens between the last source and the first step.
    add(name, median(times.subList(1, times.size())), floor);
  }

  /** Floating-point operations of one branch over what the device does a second. */
  private double floorOfBranch(int sources) {
    double tokens = imageTokens();
    double width = (double) dit.size("num_attention_heads") * dit.size("attention_head_dim");
    double text = 32;
    double products = 2 * 12 * width * width * (tokens + text);
    double attention = 4 * (tokens + text) * (tokens * (1 + sources) + text) * width;
    // A matrix unit takes e4m3 twice as fast as bfloat16.
    double rate = compute.precision() == Precision.FP8 ? 2 : 1;
    return dit.size("num_layers") * (products / rate + attention) / (settings.teraflops() * 1e12);
  }

  private double imageTokens() {
    return 4.0 * grid().size();
  }

  private void prior() {
    int slots = PriorOptions.defaults(compute).slots();
    for (int batch : slots == 1 ? new int[] {1} : new int[] {1, slots}) {
      List<PreparedRequest> rows = rows(batch);
      add(
          "prior prefill, " + batch + " row(s)",
          median(() -> generate(rows, new Grid(1, 1), () -> {}), 3),
          Double.NaN);
      add(
          "prior decode step, " + batch + " row(s)",
          decodeStep(rows),
          decoderBytes() / (settings.terabytes() * 1e12));
    }
  }

  /** Seconds of a step of all rows. */
  private double decodeStep(List<PreparedRequest> rows) {
    int steps = Math.max(5, Math.min(DECODE_STEPS, grid().size() - 1));
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
    return median(times);
  }

  private void generate(List<PreparedRequest> rows, Grid grid, Runnable afterStep) {
    pipeline.generatePriorTokens(
        rows.stream()
            .map(
                row ->
                    new PreparedRequest(
                        row.request(),
                        row.size(),
                        new ProcessedPrompt(
                            row.prompt().inputIds(),
                            row.prompt().sourceGrids(),
                            targets(grid, row.sources().size())),
                        row.sources()))
            .toList(),
        afterStep);
  }

  /** Bytes of the decoder's weights, which every step reads once. */
  private double decoderBytes() {
    ConfigFile text = prior.object("text_config");
    double d = text.size("hidden_size");
    double head = text.integer("head_dim", (int) (d / text.size("num_attention_heads")));
    double attention =
        d
            * head
            * (2.0 * text.size("num_attention_heads") + 2.0 * text.size("num_key_value_heads"));
    double mlp = 3 * d * text.size("intermediate_size");
    int bytes = compute.isCuda() ? 2 : 4;
    return text.size("num_hidden_layers")
            * (attention + mlp)
            * (compute.precision() == Precision.FP8 ? 1 : bytes)
        + d * text.size("vision_vocab_size") * bytes;
  }

  private void endToEnd() {
    List<PreparedRequest> rows = rows(settings.edits());
    long start = System.nanoTime();
    List<PriorTokens> tokens = pipeline.generatePriorTokens(rows);
    Libtorch.synchronize();
    double priorSeconds = (System.nanoTime() - start) / 1e9;
    for (int i = 0; i < rows.size(); i++) {
      try (TensorScope scope = new TensorScope()) {
        pipeline.decode(
            pipeline.denoise(
                rows.get(i),
                tokens.get(i),
                pipeline.prepareLatents(rows.get(i)),
                glyphs(),
                Observer.NONE));
      }
    }
    double all = (System.nanoTime() - start) / 1e9;
    int reused = pipeline.stepPlan(rows.get(0)).reusedSteps();
    double branches =
        settings.guidance() > 1
            ? floorOfBranch(0) + floorOfBranch(settings.sources())
            : floorOfBranch(settings.sources());
    int newTokens = rows.get(0).prompt().maxNewTokens() - 1;
    double rounds = Math.ceil(settings.edits() / (double) PriorOptions.defaults(compute).slots());
    double priorFloor =
        rounds * newTokens * decoderBytes() / (settings.terabytes() * 1e12) / settings.edits();
    add(
        "prior tokens, an image of " + settings.edits(),
        priorSeconds / settings.edits(),
        priorFloor);
    add(
        "edit, an image of "
            + settings.edits()
            + (settings.stepCache() > 0 ? ", " + reused + " steps reused" : ""),
        all / settings.edits(),
        (settings.steps() - reused) * branches + priorFloor);
  }

  private Tensor glyphs() {
    return pipeline.encodePrompt("make the text say \"thirty-two glyph characters long\"");
  }

  private PriorTokens randomTokens(PreparedRequest row) {
    Random random = new Random(1);
    int codes = pipeline.codebookSize();
    List<int[]> sources = new ArrayList<>();
    for (Grid grid : row.prompt().sourceGrids()) {
      sources.add(grid.upsample2(random.ints(grid.size(), 0, codes).toArray()));
    }
    Grid target = row.prompt().target();
    return new PriorTokens(
        target.upsample2(random.ints(target.size(), 0, codes).toArray()), sources);
  }

  private List<PreparedRequest> rows(int count) {
    List<PreparedRequest> rows = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      rows.add(
          row(i, settings.sources(), settings.steps(), settings.guidance(), settings.stepCache()));
    }
    return rows;
  }

  private PreparedRequest row(
      int index, int sources, int steps, double guidance, double stepCache) {
    Grid grid = grid();
    int patchValues = pipeline.patchValues();
    List<RgbImage> images = new ArrayList<>();
    List<SourcePixels> pixels = new ArrayList<>();
    List<Integer> ids = new ArrayList<>();
    for (int s = 0; s < sources; s++) {
      images.add(noise(index * 31L + s));
      float[] values = new float[grid.size() * patchValues];
      Random random = new Random(index * 31L + s);
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) random.nextGaussian();
      }
      pixels.add(new SourcePixels(grid, patchValues, values));
      ids.add(prior.integer("image_start_token_id"));
      for (int i = 0; i < grid.size(); i++) {
        ids.add(prior.integer("image_token_id"));
      }
      ids.add(prior.integer("image_end_token_id"));
    }
    int firstText = prior.object("text_config").size("vision_vocab_size");
    for (int i = 0; i < settings.textTokens(); i++) {
      ids.add(firstText + 1 + i);
    }
    ids.add(prior.integer("image_start_token_id"));
    EditRequest request =
        new EditRequest(
            "bench-" + index,
            "",
            images,
            settings.height(),
            settings.width(),
            steps,
            guidance,
            index,
            stepCache);
    ProcessedPrompt prompt =
        new ProcessedPrompt(
            ids.stream().mapToInt(Integer::intValue).toArray(),
            pixels.stream().map(SourcePixels::grid).toList(),
            targets(grid, sources));
    return new PreparedRequest(
        request, new PixelSize(settings.height(), settings.width()), prompt, pixels);
  }

  private static List<Grid> targets(Grid grid, int sources) {
    return sources == 0 ? List.of(grid, new Grid(16, 16)) : List.of(grid);
  }

  private Grid grid() {
    return new Grid(
        settings.height() / OutputLimits.TOKEN_PIXELS,
        settings.width() / OutputLimits.TOKEN_PIXELS);
  }

  private RgbImage noise(long seed) {
    byte[] bytes = new byte[settings.height() * settings.width() * 3];
    new Random(seed).nextBytes(bytes);
    return new RgbImage(settings.height(), settings.width(), bytes);
  }

  private double median(Runnable work) {
    return median(work, REPEATS);
  }

  private double median(Runnable work, int repeats) {
    List<Double> times = new ArrayList<>();
    for (int i = -1; i < repeats; i++) {
      Libtorch.synchronize();
      long start = System.nanoTime();
      try (TensorScope scope = new TensorScope()) {
        work.run();
        Libtorch.synchronize();
      }
      if (i >= 0) {
        times.add((System.nanoTime() - start) / 1e9);
      }
    }
    return median(times);
  }

  private static double median(List<Double> times) {
    double[] sorted = times.stream().mapToDouble(Double::doubleValue).sorted().toArray();
    return sorted[sorted.length / 2];
  }
}
