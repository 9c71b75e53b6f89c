package io.glmimage.pipeline;

import io.glmimage.error.CheckpointException;
import io.glmimage.error.DeviceException;
import io.glmimage.error.GlmImageException;
import io.glmimage.error.InvalidRequestException;
import io.glmimage.error.NotFiniteException;
import io.glmimage.image.Mask;
import io.glmimage.image.PixelSize;
import io.glmimage.image.Resampler;
import io.glmimage.image.RgbImage;
import io.glmimage.kernel.KernelMode;
import io.glmimage.kernel.KernelProvider;
import io.glmimage.kernel.KernelSelection;
import io.glmimage.model.Grid;
import io.glmimage.model.Observer;
import io.glmimage.model.OutputLimits;
import io.glmimage.model.dit.Denoiser;
import io.glmimage.model.dit.DenoisingSteps;
import io.glmimage.model.dit.DitSequence;
import io.glmimage.model.dit.GlmImageTransformer;
import io.glmimage.model.dit.Guidance;
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
import io.glmimage.model.processor.SizePlan;
import io.glmimage.model.processor.SourcePixels;
import io.glmimage.model.scheduler.FlowMatchEulerScheduler;
import io.glmimage.model.scheduler.Schedule;
import io.glmimage.model.vae.Pixels;
import io.glmimage.model.vae.Vae;
import io.glmimage.request.ContentSeed;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import io.glmimage.request.ResultReceiver;
import io.glmimage.request.Solver;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.DeviceName;
import io.glmimage.tensor.DeviceThread;
import io.glmimage.tensor.MemoryRule;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.Philox;
import io.glmimage.tensor.Precision;
import io.glmimage.tensor.TensorScope;
import io.glmimage.weights.CheckpointFolder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * GLM-Image as one pipeline: text-to-image, and edits with one or several source images. {@link
 * #edit} runs the numbered steps of the reference:
 *
 * <ol>
 *   <li>check inputs
 *   <li>preprocess prompt and sources, generate prior tokens
 *   <li>encode the prompt
 *   <li>prepare latents
 *   <li>prepare the condition KV cache
 *   <li>prepare timesteps
 *   <li>denoising loop
 *   <li>decode
 * </ol>
 *
 * <p>Prior tokens are decoded for all rows of a call together; from step 3 on, every image is
 * computed on its own. An edited image depends on its own request only: batching, order and
 * neighbours change nothing.
 *
 * <p>C latent channels, h x w latent sides, S glyph tokens of width E.
 *
 * <p>Ported from diffusers src/diffusers/pipelines/glm_image/pipeline_glm_image.py,
 * GlmImagePipeline (commit 58eb52c); the sizes of condition images follow SGLang pull request
 * 25697. Deviations:
 *
 * <ul>
 *   <li>Sampling and noise come from {@link Philox}, keyed by the row's seed; the noise of an edit
 *       also by its source images, so that an image edited with the seed that made it gets other
 *       noise.
 *   <li>Glyph embeddings are never padded across rows.
 *   <li>A source reaches the VAE at 32 pixels per token of its grid. The reference floors its sides
 *       to multiples of 16 and fails where the two differ.
 *   <li>Without a requested size, the target has the grid of the first source, and the image is
 *       resized to the source's size. The reference floors that size, which gives another grid for
 *       most sizes that are not multiples of 32.
 *   <li>Only codebook ids are sampled.
 *   <li>The network always sees the unshifted timesteps, which it was trained with.
 * </ul>
 *
 * <p>Not thread-safe: callers take turns.
 */
public final class GlmImagePipeline implements AutoCloseable {
  /** The stream of {@link Philox} for the initial latents; the prior model has its own. */
  private static final int NOISE_STREAM = 0x4E4F;

  /**
   * Longest prompt in tokens, without source images. Memory and time of the prior grow with it, for
   * all rows that are decoded together.
   */
  static final int MAX_PROMPT_TOKENS = 8192;

  private final Components components;
  private final Compute compute;
  private final MemoryShortage device;
  private final OutputSize outputSize;
  private final GlmProcessor processor;
  private final PriorModel prior;
  private final GlyphEncoder glyphs;
  private final GlmImageTransformer transformer;
  private final FlowMatchEulerScheduler scheduler;
  private final Vae vae;

  private GlmImagePipeline(Components components) {
    this(components, DeviceThread.SILENCE);
  }

  private GlmImagePipeline(Components components, Duration silence) {
    this.components = components;
    compute = components.compute();
    processor = components.processor();
    outputSize = processor == null ? null : processor.images().outputSize();
    prior = components.prior();
    glyphs = components.glyphs();
    transformer = components.transformer();
    scheduler = components.scheduler();
    vae = components.vae();
    device = new MemoryShortage(compute, components.memoryLimit(), prior::releaseCache, silence);
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
   * @throws DeviceException if a GPU was asked for and libtorch cannot use it, or if the device
   *     does not support the precision
   * @param memory the check before weights are loaded
   * @throws GlmImageException if {@code mode} forces fused kernels, and they cannot run
   */
  public static GlmImagePipeline load(
      CheckpointFolder folder,
      DeviceName device,
      Precision precision,
      KernelMode mode,
      MemoryRule memory) {
    Compute compute = Compute.of(device).withPrecision(precision);
    KernelProvider kernels = PipelineLoader.kernels(mode, compute);
    return new GlmImagePipeline(
        new PipelineLoader(folder, compute, PriorOptions.defaults(compute), kernels)
            .withMemory(memory)
            .load());
  }

  static GlmImagePipeline load(CheckpointFolder folder, Compute compute, PriorOptions sampling) {
    return load(folder, compute, sampling, PipelineLoader.kernels(KernelMode.AUTO, compute));
  }

  static GlmImagePipeline load(
      CheckpointFolder folder, Compute compute, PriorOptions sampling, KernelProvider kernels) {
    return new GlmImagePipeline(new PipelineLoader(folder, compute, sampling, kernels).load());
  }

  /**
   * As {@link #load(CheckpointFolder, Compute)}.
   *
   * @param silence the time without progress after which the device is lost
   */
  static GlmImagePipeline load(
      CheckpointFolder folder,
      Compute compute,
      PriorOptions sampling,
      KernelProvider kernels,
      Duration silence) {
    return new GlmImagePipeline(
        new PipelineLoader(folder, compute, sampling, kernels).load(), silence);
  }

  /**
   * Loads all components except the processor, for measurements, which bring its output. {@link
   * #edit} cannot be used then.
   */
  public static GlmImagePipeline loadWithoutProcessor(
      CheckpointFolder folder, Compute compute, PriorOptions sampling, MemoryRule memory) {
    KernelProvider kernels = PipelineLoader.kernels(KernelMode.AUTO, compute);
    return new GlmImagePipeline(
        new PipelineLoader(folder, compute, sampling, kernels)
            .withMemory(memory)
            .loadWithoutProcessor());
  }

  /**
   * The device that a name stands for on this machine: the CPU or a numbered GPU.
   *
   * @throws DeviceException if a GPU was asked for and libtorch cannot use it
   */
  public static DeviceName resolveDevice(DeviceName name) {
    return DeviceName.parse(Compute.of(name).device());
  }

  /** GPU memory in use, in bytes; 0 on the CPU. Any thread may call this. */
  public long deviceMemoryBytes() {
    return compute.deviceMemoryBytes();
  }

  /** The implementation of each operation and the reason for it. */
  public List<KernelSelection> kernels() {
    return components.kernels().selections();
  }

  /** Model, device and arithmetic, for logs and reports. */
  public String description() {
    return "GLM-Image on "
        + compute.device()
        + ", "
        + (compute.dtype() == ScalarType.Float ? "float32" : "bfloat16")
        + switch (compute.precision()) {
          case FP8 -> ", linear layers in fp8";
          case PRIOR_INT8 -> ", weights of the prior in int8";
          case AUTO -> "";
        }
        + (memoryPlan().weights() == MemoryPlan.Residence.TURNS
            ? ", prior and transformer in turns"
            : "");
  }

  /** Where the weights are. */
  public MemoryPlan memoryPlan() {
    return components.plan();
  }

  /** Bytes of the device memory in which weights take turns; 0 if none do. */
  long sharedWeightBytes() {
    return components.turns() == null ? 0 : components.turns().deviceBytes();
  }

  /** How often weights were brought to the device; 0 if all stay there. For measurements. */
  public long weightSwitches() {
    return components.turns() == null ? 0 : components.turns().switches();
  }

  /**
   * Edits one image per request, in order. A request that cannot be done gives a failed result and
   * does not affect the others.
   *
   * @throws io.glmimage.error.LostDeviceException if the device is lost
   */
  public List<EditResult> edit(List<EditRequest> requests) {
    EditResult[] results = new EditResult[requests.size()];
    edit(requests, (i, result) -> results[i] = result);
    return Arrays.asList(results);
  }

  /**
   * As {@link #edit(List)}, but hands over each result as soon as it exists. Prior tokens are
   * generated for all requests first; then each image is finished before the next one is begun.
   */
  public void edit(List<EditRequest> requests, ResultReceiver receiver) {
    // The calling thread may be new here, or may have used another GPU.
    device.makeCurrent();
    List<PreparedRequest> rows = new ArrayList<>();
    List<Integer> places = new ArrayList<>();

    // 1. Check inputs. 2. Preprocess prompts and sources
    for (int i = 0; i < requests.size(); i++) {
      try {
        rows.add(prepare(requests.get(i)));
        places.add(i);
      } catch (RuntimeException e) {
        receiver.edited(i, failed(requests.get(i), e));
      }
    }

    // 2. Generate prior tokens, for all rows together
    long start = System.nanoTime();
    List<Outcome<PriorTokens>> tokens =
        device.inHalves(
            rows, row -> row.request().id(), receiver::isAnyWanted, this::generatePriorTokens);
    double priorSeconds = secondsSince(start) / Math.max(1, rows.size());

    // 3 to 8. From prior tokens to edited images, one row at a time
    for (int j = 0; j < rows.size(); j++) {
      int place = places.get(j);
      if (receiver.isWanted(place)) {
        finish(rows.get(j), tokens.get(j), priorSeconds, () -> receiver.isWanted(place))
            .ifPresent(result -> receiver.edited(place, result));
      }
      // Frees the pixels of a finished row before the other rows are finished.
      rows.set(j, null);
    }
  }

  /** Requests whose prior tokens are generated in about the time of one. */
  public int rowsTogether() {
    return prior.slots();
  }

  /** A row's result; empty if the row is no longer wanted. */
  private Optional<EditResult> finish(
      PreparedRequest row,
      Outcome<PriorTokens> outcome,
      double priorSeconds,
      BooleanSupplier wanted) {
    EditRequest request = row.request();
    if (outcome instanceof Outcome.Failed<PriorTokens> failure) {
      return Optional.of(failed(request, failure.cause()));
    }
    PriorTokens tokens = ((Outcome.Done<PriorTokens>) outcome).value();
    try {
      return Optional.of(
          device.retried(request.id(), wanted, () -> editedImage(row, tokens, priorSeconds)));
    } catch (CancellationException e) {
      return Optional.empty();
    } catch (RuntimeException e) {
      return Optional.of(failed(request, e));
    }
  }

  private EditResult failed(EditRequest request, RuntimeException e) {
    return EditResult.failed(request.id(), device.rowFailure(request.id(), e));
  }

  /** Steps 3 to 8 for one row. */
  private EditResult editedImage(PreparedRequest row, PriorTokens tokens, double priorSeconds) {
    try (TensorScope scope = new TensorScope()) {
      long start = System.nanoTime();
      Tensor promptEmbeds = encodePrompt(row.request().prompt());
      Tensor noise = prepareLatents(row);
      Tensor latents = denoise(row, tokens, noise, promptEmbeds, Observer.NONE);
      // Otherwise the wait for the last steps would be measured as decoding.
      compute.awaitStream();
      double denoiseSeconds = secondsSince(start);
      start = System.nanoTime();
      RgbImage image = masked(row, row.sizes().finish(decode(row.request(), latents)));
      return new EditResult(
          row.request().id(),
          image,
          null,
          priorSeconds,
          denoiseSeconds,
          secondsSince(start),
          row.sizes().scale());
    }
  }

  /** Pastes the source's own pixels back where a mask keeps them. */
  private static RgbImage masked(PreparedRequest row, RgbImage image) {
    Mask mask = row.request().mask();
    if (mask == null) {
      return image;
    }
    RgbImage source = row.request().sources().get(0);
    RgbImage aligned = Resampler.lanczos(source, image.height(), image.width());
    return mask.resized(image.height(), image.width()).paste(aligned, image);
  }

  /** What a mask holds; null without a mask. */
  private HeldLatents held(PreparedRequest row, Tensor noise) {
    Mask mask = row.request().mask();
    if (mask == null) {
      return null;
    }
    RgbImage source = row.request().sources().get(0);
    RgbImage resized = Resampler.lanczos(source, row.size().height(), row.size().width());
    // [1, C, h, w] -> [C, h, w]
    Tensor latents = vae.encode(Pixels.toTensor(List.of(resized), compute)).select(0, 0);
    return new HeldLatents(mask, latents, noise, schedule(row).sigmas(), compute);
  }

  /**
   * Checks a request and runs the processor: step 1 and the first half of step 2.
   *
   * @throws InvalidRequestException if the model cannot take the request
   */
  PreparedRequest prepare(EditRequest request) {
    checkInputs(request);
    try {
      return preprocess(request);
    } catch (InvalidRequestException e) {
      String message = e.getMessage();
      throw message.startsWith("Cannot edit request")
          ? e
          : new InvalidRequestException("Cannot edit request " + request.id() + ": " + message, e);
    }
  }

  /** Step 1: the numbers of a request. Sizes and prompts are checked where they are used. */
  private void checkInputs(EditRequest request) {
    int steps = request.steps();
    check(
        steps >= 1 && steps <= scheduler.maxSteps(),
        request,
        steps + " steps are not between 1 and " + scheduler.maxSteps());
    check(
        Double.isFinite(request.guidanceScale()),
        request,
        "guidance scale " + request.guidanceScale() + " is not a finite number");
    check(
        request.stepCache() >= 0 && request.stepCache() <= 1,
        request,
        "step cache " + request.stepCache() + " is not between 0 and 1");
    String problem = request.solver().cacheProblem(request.stepCache());
    check(problem == null, request, problem);
  }

  private static void check(boolean valid, EditRequest request, String problem) {
    if (!valid) {
      throw new InvalidRequestException("Cannot edit request " + request.id() + ": " + problem);
    }
  }

  private static void checkMask(EditRequest request) {
    if (request.mask() == null) {
      return;
    }
    check(!request.sources().isEmpty(), request, "it has a mask and no source image");
    RgbImage source = request.sources().get(0);
    request.mask().check(new PixelSize(source.height(), source.width()));
  }

  private PreparedRequest preprocess(EditRequest request) {
    checkMask(request);
    SizePlan sizes = outputSize.of(request);
    List<SourcePixels> sources = new ArrayList<>();
    for (RgbImage source : request.sources()) {
      sources.add(
          sources.isEmpty()
              ? processor.images().process(source, sizes.firstGrid())
              : processor.images().process(source));
    }
    List<Grid> grids = sources.stream().map(SourcePixels::grid).toList();
    ProcessedPrompt prompt = processor.process(request.prompt(), grids, sizes.generated());
    int text = prompt.inputIds().length - grids.stream().mapToInt(Grid::size).sum();
    check(
        text <= MAX_PROMPT_TOKENS,
        request,
        "its prompt has " + text + " tokens, more than " + MAX_PROMPT_TOKENS + "; shorten it");
    return new PreparedRequest(request, sizes, prompt, sources);
  }

  /**
   * Step 2: the prior tokens of several rows. The sources go through the vision tower one at a
   * time, then the decoder runs for all rows at once.
   */
  public List<PriorTokens> generatePriorTokens(List<PreparedRequest> rows) {
    return generatePriorTokens(rows, () -> {});
  }

  /**
   * As {@link #generatePriorTokens(List)}.
   *
   * @param afterStep as for {@link PriorModel#generate(List, Runnable)}
   */
  public List<PriorTokens> generatePriorTokens(List<PreparedRequest> rows, Runnable afterStep) {
    List<PriorPrompt> prompts = rows.stream().map(this::priorPrompt).toList();
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

  /** The prior's ids of a row's source images: the first part of step 2. */
  public List<int[]> sourceTokens(PreparedRequest row) {
    List<int[]> tokens = new ArrayList<>();
    for (SourcePixels source : row.sources()) {
      try (TensorScope scope = new TensorScope()) {
        Tensor pixels = Ops.of(source.values(), source.grid().size(), source.patchLength());
        tokens.add(prior.sourceTokens(Ops.to(pixels, compute), source.grid()));
      }
    }
    return tokens;
  }

  private PriorPrompt priorPrompt(PreparedRequest row) {
    return new PriorPrompt(
        row.prompt().inputIds(),
        sourceTokens(row),
        row.prompt().sourceGrids(),
        row.prompt().decodeOrder(),
        row.request().seed());
  }

  /** Step 3: the glyph embeddings of a prompt, {@code [S, E]}, of the caller's scope. */
  public Tensor encodePrompt(String prompt) {
    return glyphs.embed(prompt);
  }

  /**
   * Step 4: the initial latents {@code [C, h, w]}, float32 on the CPU: standard normal numbers
   * keyed by the row's seed and source images.
   */
  public Tensor prepareLatents(PreparedRequest row) {
    int channels = vae.latentChannels();
    int height = row.size().height() / vae.scaleFactor();
    int width = row.size().width() / vae.scaleFactor();
    float[] normals =
        new Philox(ContentSeed.ofNoise(row.request()), NOISE_STREAM)
            .normals(channels * height * width);
    return Ops.of(normals, channels, height, width);
  }

  /**
   * Steps 5 to 7: denoises one image.
   *
   * @param noise {@code [C, h, w]} float32
   * @param promptEmbeds glyph embeddings {@code [S, E]}
   * @param observer sees {@code condition_latents} of every source and {@code step_latents} after
   *     every step
   * @return latents {@code [C, h, w]} float32 on the device, of the caller's scope
   * @throws NotFiniteException if they are not finite
   */
  public Tensor denoise(
      PreparedRequest row,
      PriorTokens tokens,
      Tensor noise,
      Tensor promptEmbeds,
      Observer observer) {
    Grid grid = row.imageGrid();
    double scale = row.request().guidanceScale();
    try (TensorScope scope = new TensorScope();
        DitSequence conditional = transformer.prepare(promptEmbeds, tokens.target());
        DitSequence unconditional =
            scale > 1 ? transformer.prepare(glyphs.embedNothing(), null) : null;
        // 5. Prepare the condition KV cache
        SourceCache cache =
            prepareConditionCache(row, tokens, conditional.textTokens() + grid.size(), observer);
        // 6. Prepare timesteps
        Modulation modulation = modulation(row);
        Denoiser denoiser =
            transformer.denoiser(
                grid,
                prepareTimesteps(row, modulation),
                new Guidance(scale, conditional, unconditional),
                cache)) {
      // 7. Denoising loop
      Tensor latents = Ops.to(noise, compute, ScalarType.Float).clone();
      HeldLatents held = held(row, noise);
      FiniteCheck finite = new FiniteCheck();
      for (int i = 0; i < denoiser.steps(); i++) {
        denoiser.step(latents, i);
        if (held != null) {
          held.apply(latents, i);
        }
        finite.add(latents);
        observer.accept("step_latents", latents);
      }
      finite.check(row.request());
      return scope.keep(latents);
    }
  }

  /** Step 5: keys and values of all sources; null for text-to-image. */
  private SourceCache prepareConditionCache(
      PreparedRequest row, PriorTokens tokens, int room, Observer observer) {
    if (row.sources().isEmpty()) {
      return null;
    }
    int sourceTokens = row.sources().stream().mapToInt(s -> s.grid().doubled().size()).sum();
    List<Tensor> latents = encodeSources(row, observer);
    SourceCache cache = transformer.newCache(sourceTokens, room);
    try {
      for (int i = 0; i < row.sources().size(); i++) {
        Grid grid = row.sources().get(i).grid();
        transformer.writeSource(
            cache,
            latents.get(i),
            tokens.sources().get(i),
            grid.rows() * OutputLimits.TOKEN_PIXELS,
            grid.columns() * OutputLimits.TOKEN_PIXELS);
      }
      return cache;
    } catch (RuntimeException e) {
      cache.close();
      throw e;
    }
  }

  /**
   * The latents {@code [C, h, w]} of all sources, of the caller's scope. They are encoded before
   * the cache is allocated: encoding needs much memory, but leaves little behind.
   */
  private List<Tensor> encodeSources(PreparedRequest row, Observer observer) {
    List<Tensor> all = new ArrayList<>();
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
        all.add(scope.keep(latents.select(0, 0)));
      }
    }
    return all;
  }

  private Schedule schedule(PreparedRequest row) {
    return scheduler.schedule(row.request().steps(), row.imageGrid().size());
  }

  private Modulation modulation(PreparedRequest row) {
    return transformer.modulation(
        schedule(row).networkTimesteps(), row.size().height(), row.size().width());
  }

  /** Step 6: sigmas, which steps run the transformer blocks, and the solver's extrapolations. */
  private DenoisingSteps prepareTimesteps(PreparedRequest row, Modulation modulation) {
    StepPlan plan = transformer.stepPlan(modulation, row.request().stepCache());
    Schedule schedule = schedule(row);
    return new DenoisingSteps(
        modulation,
        schedule.sigmas(),
        plan,
        row.request().solver() == Solver.MULTISTEP2 ? schedule.extrapolations() : null);
  }

  /** Which of a request's steps run the transformer blocks. For measurements. */
  public StepPlan stepPlan(PreparedRequest row) {
    try (Modulation modulation = modulation(row)) {
      return transformer.stepPlan(modulation, row.request().stepCache());
    }
  }

  private RgbImage decode(EditRequest request, Tensor latents) {
    try (TensorScope scope = new TensorScope()) {
      // [C, h, w] -> [1, C, h, w]
      Tensor pixels = vae.decode(latents.unsqueeze(0));
      FiniteCheck.checkDecoded(request, pixels);
      return Pixels.toImages(pixels).get(0);
    }
  }

  /** Step 8: {@code [C, h, w]} to an 8-bit image. */
  public RgbImage decode(Tensor latents) {
    try (TensorScope scope = new TensorScope()) {
      // [C, h, w] -> [1, C, h, w]
      return Pixels.toImages(vae.decode(latents.unsqueeze(0))).get(0);
    }
  }

  // The rest is for measurements and tests, which use the components on their own.

  FlowMatchEulerScheduler scheduler() {
    return scheduler;
  }

  /** Number of different prior ids. */
  public int codebookSize() {
    return prior.codebookSize();
  }

  /** Values per patch of a source image. */
  public int patchValues() {
    return prior.patchValues();
  }

  /** The image autoencoder. */
  public Vae vae() {
    return vae;
  }

  private static double secondsSince(long start) {
    return (System.nanoTime() - start) / 1e9;
  }

  /**
   * Frees the weights of all components. On a lost device nothing can be freed: the memory returns
   * with the end of the process.
   */
  @Override
  public void close() {
    device.close();
    if (!device.isLost()) {
      components.close();
    }
  }
}
