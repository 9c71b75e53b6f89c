package io.glmimage.pipeline;

import io.glmimage.error.CheckpointException;
import io.glmimage.error.DeviceException;
import io.glmimage.error.DeviceMemoryException;
import io.glmimage.error.GlmImageException;
import io.glmimage.error.InvalidRequestException;
import io.glmimage.image.PixelSize;
import io.glmimage.image.Resampler;
import io.glmimage.image.RgbImage;
import io.glmimage.kernel.KernelMode;
import io.glmimage.kernel.KernelProvider;
import io.glmimage.kernel.KernelSelection;
import io.glmimage.kernel.Kernels;
import io.glmimage.model.Grid;
import io.glmimage.model.OutputLimits;
import io.glmimage.model.dit.Denoiser;
import io.glmimage.model.dit.DitSequence;
import io.glmimage.model.dit.GlmImageTransformer;
import io.glmimage.model.dit.Modulation;
import io.glmimage.model.dit.SourceCache;
import io.glmimage.model.dit.StepPlan;
import io.glmimage.model.glyph.GlyphEncoder;
import io.glmimage.model.prior.PriorModel;
import io.glmimage.model.prior.PriorOptions;
import io.glmimage.model.prior.PriorPrompt;
import io.glmimage.model.processor.GlmProcessor;
import io.glmimage.model.processor.OutputSize;
import io.glmimage.model.processor.ProcessedPrompt;
import io.glmimage.model.processor.SourcePixels;
import io.glmimage.model.scheduler.FlowMatchEulerScheduler;
import io.glmimage.model.scheduler.Schedule;
import io.glmimage.model.vae.Pixels;
import io.glmimage.model.vae.Vae;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.DeviceFailure;
import io.glmimage.tensor.DeviceThread;
import io.glmimage.tensor.Libtorch;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.Philox;
import io.glmimage.tensor.Precision;
import io.glmimage.tensor.TensorScope;
import io.glmimage.weights.CheckpointFolder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * GLM-Image, text-to-image and edits with one or several sources in one pipeline: processor, prior
 * tokens, glyph embeddings, source cache, denoising, VAE.
 *
 * <p>Prior tokens are decoded for all rows of a call together; every picture is denoised on its
 * own. A row's picture depends on its own request only: batching, order and neighbours change
 * nothing.
 *
 * <p>Ported from diffusers' GlmImagePipeline (0.39). Deviations: sampling and noise come from
 * {@link Philox} keyed by the row's seed; glyph embeddings are never padded across rows; a source
 * reaches the VAE at 32 pixels a token of its grid (the reference floors to multiples of 16 and
 * fails where the two differ); only codebook ids are sampled.
 *
 * <p>Not thread-safe: callers take turns.
 */
public final class GlmImagePipeline implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(GlmImagePipeline.class);

  /** Streams of {@link Philox}; the prior model has its own. */
  private static final int NOISE_STREAM = 0x4E4F;

  private final Compute compute;
  private final KernelProvider kernels;
  private final OutputSize outputSize = new OutputSize();
  private final List<AutoCloseable> parts = new ArrayList<>();

  /** Null for the CPU, where the caller's own thread does the work. */
  private DeviceThread deviceThread;

  private GlmProcessor processor;
  private PriorModel prior;
  private GlyphEncoder glyphs;
  private GlmImageTransformer transformer;
  private FlowMatchEulerScheduler scheduler;
  private Vae vae;

  /** A checked request and what the processor made of it. */
  public record Prepared(
      EditRequest request, PixelSize size, ProcessedPrompt prompt, List<SourcePixels> sources) {}

  /**
   * Prior ids as the DiT takes them, upsampled to its own tokens.
   *
   * @param target {@code [4 * rows * columns]} of the target grid
   * @param sources the same for every source
   */
  public record PriorTokens(int[] target, List<int[]> sources) {}

  /** Sees the values between the steps of one picture; for tests. */
  public interface Observer {
    Observer NONE = (name, tensor) -> {};

    void accept(String name, Tensor tensor);
  }

  private GlmImagePipeline(Compute compute, KernelProvider kernels) {
    this.compute = compute;
    this.kernels = kernels;
  }

  /**
   * Loads all components of a checkpoint.
   *
   * @throws CheckpointException if it is incomplete, damaged or of an unknown architecture
   */
  public static GlmImagePipeline load(CheckpointFolder folder, Compute compute) {
    return load(folder, compute, PriorOptions.defaults(compute));
  }

  /**
   * As {@link #load(CheckpointFolder, Compute)}.
   *
   * @param device {@code "cpu"}, {@code "cuda:N"}, or {@code "auto"}: the first GPU, else the CPU
   * @param precision {@code "auto"} or {@code "fp8"}: see {@link Precision}
   * @throws DeviceException if a GPU was asked for and libtorch cannot use it, or it cannot compute
   *     in the precision
   * @throws IllegalArgumentException for another device or precision
   * @throws GlmImageException if {@code mode} forces fused kernels, and they cannot run
   */
  public static GlmImagePipeline load(
      CheckpointFolder folder, String device, String precision, KernelMode mode) {
    Compute compute = Compute.of(device).withPrecision(Precision.parse(precision));
    return load(folder, compute, PriorOptions.defaults(compute), kernels(mode, compute));
  }

  /** The implementation of each operation and the reason for it. */
  public List<KernelSelection> kernels() {
    return kernels.selections();
  }

  /**
   * The device that a name stands for here: {@code "cpu"} or {@code "cuda:N"}.
   *
   * @param name {@code "cpu"}, {@code "cuda"}, {@code "cuda:N"} or {@code "auto"}
   * @throws DeviceException if a GPU was asked for and libtorch cannot use it
   */
  public static String resolveDevice(String name) {
    return Compute.of(name).device();
  }

  static GlmImagePipeline load(CheckpointFolder folder, Compute compute, PriorOptions sampling) {
    return load(folder, compute, sampling, kernels(KernelMode.AUTO, compute));
  }

  static GlmImagePipeline load(
      CheckpointFolder folder, Compute compute, PriorOptions sampling, KernelProvider kernels) {
    GlmProcessor processor = GlmProcessor.load(folder);
    try {
      GlmImagePipeline pipeline = loadWithoutProcessor(folder, compute, sampling, kernels);
      pipeline.processor = pipeline.part(processor);
      return pipeline;
    } catch (RuntimeException e) {
      processor.close();
      throw e;
    }
  }

  /** All but what makes prompts and pixels of requests: for callers that have these already. */
  public static GlmImagePipeline loadWithoutProcessor(
      CheckpointFolder folder, Compute compute, PriorOptions sampling) {
    return loadWithoutProcessor(folder, compute, sampling, kernels(KernelMode.AUTO, compute));
  }

  private static KernelProvider kernels(KernelMode mode, Compute compute) {
    compute.makeCurrent();
    return Kernels.provider(mode, compute, Libtorch.cacheFolder().resolve("glm-image-kernels"));
  }

  private static GlmImagePipeline loadWithoutProcessor(
      CheckpointFolder folder, Compute compute, PriorOptions sampling, KernelProvider kernels) {
    compute.makeCurrent();
    GlmImagePipeline pipeline = new GlmImagePipeline(compute, kernels);
    try {
      pipeline.scheduler = FlowMatchEulerScheduler.load(folder);
      pipeline.vae = pipeline.part(Vae.load(folder, compute));
      pipeline.glyphs = pipeline.part(GlyphEncoder.load(folder, compute));
      pipeline.transformer = pipeline.part(GlmImageTransformer.load(folder, compute, kernels));
      pipeline.prior = pipeline.part(PriorModel.load(folder, compute, kernels, sampling));
      pipeline.checkComponents(folder);
      if (compute.isCuda()) {
        pipeline.deviceThread =
            pipeline.part(new DeviceThread("glm-image-" + compute.device(), compute::makeCurrent));
      }
      return pipeline;
    } catch (RuntimeException e) {
      pipeline.close();
      throw e;
    }
  }

  private <T extends AutoCloseable> T part(T part) {
    parts.add(part);
    return part;
  }

  /**
   * The components' configurations must fit each other, or the first picture would fail on shapes.
   */
  private void checkComponents(CheckpointFolder folder) {
    int pixelsAToken = vae.scaleFactor() * transformer.patchSize();
    if (2 * pixelsAToken != OutputLimits.TOKEN_PIXELS) {
      throw new CheckpointException(
          "Cannot load model: "
              + folder.root()
              + ": a DiT token covers "
              + pixelsAToken
              + " pixels (VAE scale factor times patch size), but prior tokens need "
              + OutputLimits.TOKEN_PIXELS / 2);
    }
    if (vae.latentChannels() != transformer.channels()) {
      throw new CheckpointException(
          "Cannot load model: "
              + folder.root()
              + ": the VAE has "
              + vae.latentChannels()
              + " latent channels, the transformer "
              + transformer.channels());
    }
    if (glyphs.width() != transformer.textEmbedDim()) {
      throw new CheckpointException(
          "Cannot load model: "
              + folder.root()
              + ": the text encoder is "
              + glyphs.width()
              + " wide, the transformer expects "
              + transformer.textEmbedDim());
    }
  }

  /** Bytes of GPU memory taken; 0 on the CPU. Any thread may ask. */
  public long deviceMemoryBytes() {
    return compute.deviceMemoryBytes();
  }

  /** What runs here, for logs and reports. */
  public String description() {
    return "GLM-Image on "
        + compute.device()
        + ", "
        + (compute.dtype() == ScalarType.Float ? "float32" : "bfloat16")
        + (compute.precision() == Precision.FP8 ? ", linear layers in fp8" : "");
  }

  /**
   * Makes one picture per request, in order. A request that cannot be done gives a failed result
   * and leaves the others alone.
   *
   * @throws DeviceException if the device is lost
   */
  public List<EditResult> edit(List<EditRequest> requests) {
    // Another thread than the last one's may call, or one that has served another GPU.
    compute.makeCurrent();
    EditResult[] results = new EditResult[requests.size()];
    List<Integer> rows = new ArrayList<>();
    List<Prepared> prepared = new ArrayList<>();
    // 1. Check inputs and process prompts and sources
    for (int i = 0; i < results.length; i++) {
      try {
        prepared.add(prepare(requests.get(i)));
        rows.add(i);
      } catch (RuntimeException e) {
        results[i] = failed(requests.get(i), e);
      }
    }
    // 2. Prior tokens, all rows together
    long start = System.nanoTime();
    List<Object> tokens = generatePriorTokensOrFail(prepared);
    double priorSeconds = seconds(start) / Math.max(1, prepared.size());
    // 3. Pictures, one by one
    for (int j = 0; j < rows.size(); j++) {
      EditRequest request = prepared.get(j).request();
      if (tokens.get(j) instanceof RuntimeException e) {
        results[rows.get(j)] = failed(request, e);
        continue;
      }
      try {
        Prepared row = prepared.get(j);
        PriorTokens prior = (PriorTokens) tokens.get(j);
        results[rows.get(j)] =
            retriedWithFreeMemory(request.id(), () -> picture(row, prior, priorSeconds));
      } catch (RuntimeException e) {
        results[rows.get(j)] = failed(request, e);
      }
    }
    return Arrays.asList(results);
  }

  private EditResult failed(EditRequest request, RuntimeException e) {
    if (DeviceFailure.isDeviceLost(e)) {
      throw new DeviceException(
          "Cannot go on: " + compute.device() + " is lost to this process: " + e.getMessage(), e);
    }
    if (e instanceof DeviceException) {
      throw e;
    }
    if (e instanceof GlmImageException || !DeviceFailure.isOutOfMemory(e)) {
      return EditResult.failed(request.id(), e);
    }
    return EditResult.failed(
        request.id(),
        new DeviceMemoryException(
            "Cannot edit request "
                + request.id()
                + ": not enough memory on "
                + compute.device()
                + " for a picture of its size with its sources, even alone; ask for a smaller size"
                + " or fewer sources, or take a device with more memory",
            e));
  }

  /**
   * Once more, with all memory given back that can be, where the device's did not suffice: also
   * where libtorch managed without, by algorithms that round otherwise. So what comes out depends
   * on the work and the device's size, not on what was done before.
   */
  private <T> T retriedWithFreeMemory(String what, Supplier<T> work) {
    try {
      long shortages = compute.shortages();
      T result = onDevice(work);
      if (compute.shortages() == shortages) {
        return result;
      }
    } catch (RuntimeException e) {
      if (!DeviceFailure.isOutOfMemory(e)) {
        throw e;
      }
    }
    LOG.warn("{} is out of memory at {}: trying again with freed caches", compute.device(), what);
    releaseMemory();
    long shortages = compute.shortages();
    T result = onDevice(work);
    if (compute.shortages() > shortages) {
      LOG.warn(
          "{} has not enough memory for the fastest algorithms at {}: taking others, whose results"
              + " are rounded otherwise",
          compute.device(),
          what);
      forgetAlgorithms();
    }
    return result;
  }

  private <T> T onDevice(Supplier<T> work) {
    try {
      return deviceThread == null ? work.get() : deviceThread.call(work);
    } catch (RuntimeException e) {
      // Memory may have run out before, and another algorithm been taken.
      forgetAlgorithms();
      throw e;
    }
  }

  /** Lets convolutions choose theirs anew; see {@link DeviceThread}. */
  private void forgetAlgorithms() {
    if (deviceThread != null) {
      deviceThread.replace();
    }
  }

  private void releaseMemory() {
    forgetAlgorithms();
    prior.releaseCache();
    compute.releaseCachedMemory();
  }

  /**
   * Checks a request and runs the processor.
   *
   * @throws InvalidRequestException if the model cannot take it
   */
  Prepared prepare(EditRequest request) {
    if (request.steps() < 1 || request.steps() > scheduler.maxSteps()) {
      throw new InvalidRequestException(
          "Cannot edit request "
              + request.id()
              + ": "
              + request.steps()
              + " steps are not between 1 and "
              + scheduler.maxSteps());
    }
    if (!Double.isFinite(request.guidanceScale())) {
      throw new InvalidRequestException(
          "Cannot edit request "
              + request.id()
              + ": guidance scale "
              + request.guidanceScale()
              + " is not a number");
    }
    if (!(request.stepCache() >= 0 && request.stepCache() <= 1)) {
      throw new InvalidRequestException(
          "Cannot edit request "
              + request.id()
              + ": step cache "
              + request.stepCache()
              + " is not between 0 and 1");
    }
    try {
      return process(request);
    } catch (InvalidRequestException e) {
      String message = e.getMessage();
      throw message.startsWith("Cannot edit request")
          ? e
          : new InvalidRequestException("Cannot edit request " + request.id() + ": " + message, e);
    }
  }

  private Prepared process(EditRequest request) {
    PixelSize size = outputSize.of(request);
    List<SourcePixels> sources = new ArrayList<>();
    for (RgbImage source : request.sources()) {
      sources.add(processor.images().process(source));
    }
    ProcessedPrompt prompt =
        processor.process(
            request.prompt(), sources.stream().map(SourcePixels::grid).toList(), size);
    return new Prepared(request, size, prompt, sources);
  }

  /** For every row {@link PriorTokens}, or the RuntimeException that it failed with. */
  private List<Object> generatePriorTokensOrFail(List<Prepared> rows) {
    if (rows.isEmpty()) {
      return List.of();
    }
    try {
      return new ArrayList<>(
          rows.size() > 1
              ? onDevice(() -> generatePriorTokens(rows))
              : retriedWithFreeMemory(rows.get(0).request().id(), () -> generatePriorTokens(rows)));
    } catch (RuntimeException e) {
      if (DeviceFailure.isDeviceLost(e)) {
        throw new DeviceException(
            "Cannot go on: " + compute.device() + " is lost to this process: " + e.getMessage(), e);
      }
      if (rows.size() == 1) {
        return List.of(e);
      }
      // Out of memory, or one row's fault: halves find out which, and need less memory.
      if (DeviceFailure.isOutOfMemory(e)) {
        releaseMemory();
      }
      List<Object> out =
          new ArrayList<>(generatePriorTokensOrFail(rows.subList(0, rows.size() / 2)));
      out.addAll(generatePriorTokensOrFail(rows.subList(rows.size() / 2, rows.size())));
      return out;
    }
  }

  /**
   * The prior tokens of several rows: sources through the vision tower, then the decoder for all
   * rows at once.
   */
  public List<PriorTokens> generatePriorTokens(List<Prepared> rows) {
    return generatePriorTokens(rows, () -> {});
  }

  /** The same; {@code afterStep} as for {@link PriorModel#generate(List, Runnable)}. */
  public List<PriorTokens> generatePriorTokens(List<Prepared> rows, Runnable afterStep) {
    List<PriorPrompt> prompts = new ArrayList<>();
    for (Prepared row : rows) {
      List<int[]> sourceTokens = new ArrayList<>();
      for (SourcePixels source : row.sources()) {
        try (TensorScope scope = new TensorScope()) {
          Tensor pixels = Ops.of(source.values(), source.grid().size(), source.patchLength());
          sourceTokens.add(prior.sourceTokens(Ops.to(pixels, compute), source.grid()));
        }
      }
      prompts.add(
          new PriorPrompt(
              row.prompt().inputIds(),
              sourceTokens,
              row.prompt().sourceGrids(),
              row.prompt().decodeOrder(),
              row.request().seed()));
    }
    List<int[]> generated = prior.generate(prompts, afterStep);
    List<PriorTokens> out = new ArrayList<>();
    for (int i = 0; i < rows.size(); i++) {
      PriorPrompt prompt = prompts.get(i);
      List<int[]> sources = new ArrayList<>();
      for (int s = 0; s < prompt.sourceGrids().size(); s++) {
        sources.add(prompt.sourceGrids().get(s).upsample2(prompt.sourceTokens().get(s)));
      }
      out.add(new PriorTokens(rows.get(i).prompt().target().upsample2(generated.get(i)), sources));
    }
    return out;
  }

  private EditResult picture(Prepared row, PriorTokens tokens, double priorSeconds) {
    try (TensorScope scope = new TensorScope()) {
      long start = System.nanoTime();
      Tensor latents =
          denoise(row, tokens, noise(row), glyphs.embed(row.request().prompt()), Observer.NONE);
      // Else the wait for the last steps would count as decoding.
      compute.awaitStream();
      double denoiseSeconds = seconds(start);
      start = System.nanoTime();
      RgbImage image = decode(latents);
      return new EditResult(
          row.request().id(), image, null, priorSeconds, denoiseSeconds, seconds(start));
    }
  }

  /** The initial latents {@code [C, h, w]}, float32: standard normal numbers of the row's seed. */
  public Tensor noise(Prepared row) {
    int channels = vae.latentChannels();
    int height = row.size().height() / vae.scaleFactor();
    int width = row.size().width() / vae.scaleFactor();
    float[] normals =
        new Philox(row.request().seed(), NOISE_STREAM).normals(channels * height * width);
    return Ops.of(normals, channels, height, width);
  }

  /**
   * Denoises one picture.
   *
   * @param noise {@code [C, h, w]} float32
   * @param promptEmbeds glyph embeddings {@code [S, E]}
   * @return latents {@code [C, h, w]} float32 on the device
   */
  public Tensor denoise(
      Prepared row, PriorTokens tokens, Tensor noise, Tensor promptEmbeds, Observer observer) {
    Grid grid = row.prompt().target().doubled();
    Schedule schedule = scheduler.schedule(row.request().steps(), grid.size());
    double guidance = row.request().guidanceScale();
    try (TensorScope scope = new TensorScope();
        Modulation modulation =
            transformer.modulation(
                schedule.networkTimesteps(), row.size().height(), row.size().width());
        DitSequence conditional = transformer.prepare(promptEmbeds, tokens.target());
        DitSequence unconditional =
            guidance > 1 ? transformer.prepare(glyphs.embedNothing(), null) : null;
        SourceCache cache =
            writeSources(row, tokens, conditional.textTokens() + grid.size(), observer);
        Denoiser denoiser =
            transformer.denoiser(
                grid,
                new io.glmimage.model.dit.DenoisingSteps(
                    modulation,
                    schedule.sigmas(),
                    transformer.stepPlan(modulation, row.request().stepCache())),
                new io.glmimage.model.dit.Guidance(guidance, conditional, unconditional),
                cache)) {
      Tensor latents = Ops.to(noise, compute, ScalarType.Float).clone();
      for (int i = 0; i < denoiser.steps(); i++) {
        denoiser.step(latents, i);
        observer.accept("step_latents", latents);
      }
      return scope.keep(latents);
    }
  }

  /** Which of a request's steps run the DiT's blocks. */
  public StepPlan stepPlan(Prepared row) {
    int tokens = row.prompt().target().doubled().size();
    Schedule schedule = scheduler.schedule(row.request().steps(), tokens);
    try (Modulation modulation =
        transformer.modulation(
            schedule.networkTimesteps(), row.size().height(), row.size().width())) {
      return transformer.stepPlan(modulation, row.request().stepCache());
    }
  }

  /** Keys and values of all sources, or null for text-to-image. */
  private SourceCache writeSources(Prepared row, PriorTokens tokens, int room, Observer observer) {
    if (row.sources().isEmpty()) {
      return null;
    }
    int sourceTokens = row.sources().stream().mapToInt(s -> s.grid().doubled().size()).sum();
    SourceCache cache = transformer.newCache(sourceTokens, room);
    try {
      for (int i = 0; i < row.sources().size(); i++) {
        try (TensorScope scope = new TensorScope()) {
          Grid grid = row.sources().get(i).grid();
          RgbImage source =
              Resampler.lanczos(
                  row.request().sources().get(i),
                  grid.rows() * OutputLimits.TOKEN_PIXELS,
                  grid.columns() * OutputLimits.TOKEN_PIXELS);
          Tensor latents = vae.encode(Pixels.toTensor(List.of(source), compute));
          observer.accept("condition_latents", latents);
          // [1, C, h, w] -> [C, h, w]
          transformer.writeSource(
              cache,
              latents.select(0, 0),
              tokens.sources().get(i),
              source.height(),
              source.width());
        }
      }
      return cache;
    } catch (RuntimeException e) {
      cache.close();
      throw e;
    }
  }

  /** {@code [C, h, w]} to a picture. */
  public RgbImage decode(Tensor latents) {
    try (TensorScope scope = new TensorScope()) {
      return Pixels.toImages(vae.decode(latents.unsqueeze(0))).get(0);
    }
  }

  public GlyphEncoder glyphs() {
    return glyphs;
  }

  FlowMatchEulerScheduler scheduler() {
    return scheduler;
  }

  public int codebookSize() {
    return prior.codebookSize();
  }

  public int patchValues() {
    return prior.patchValues();
  }

  public Vae vae() {
    return vae;
  }

  private static double seconds(long start) {
    return (System.nanoTime() - start) / 1e9;
  }

  /** Frees the weights of all components. */
  @Override
  public void close() {
    for (int i = parts.size() - 1; i >= 0; i--) {
      try {
        parts.get(i).close();
      } catch (Exception e) {
        throw new IllegalStateException("Cannot free the model: " + e.getMessage(), e);
      }
    }
    parts.clear();
  }
}
