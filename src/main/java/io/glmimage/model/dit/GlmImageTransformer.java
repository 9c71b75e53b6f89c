package io.glmimage.model.dit;

import io.glmimage.error.CheckpointException;
import io.glmimage.kernel.KernelProvider;
import io.glmimage.model.Grid;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.OwnedTensors;
import io.glmimage.tensor.TensorScope;
import io.glmimage.weights.CheckpointFolder;
import io.glmimage.weights.Weights;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * The diffusion transformer (component {@code transformer}): predicts the noise in latents from
 * glyph text, prior ids, timestep, target size and cached source images. A single stream: text and
 * image tokens share all weights but their modulation vectors.
 *
 * <p>A picture's branches are packed into one tensor without padding ({@link
 * io.glmimage.kernel.PackedLayout}): products run once over all rows, attention runs a sequence at
 * a time. A picture is always computed alone, so its bits depend on nothing else. The order of
 * calls:
 *
 * <pre>{@code
 * try (Modulation modulation = network.modulation(timesteps, height, width);
 *     DitSequence conditional = network.prepare(glyphs, priorIds);
 *     DitSequence unconditional = network.prepare(emptyGlyphs, null);
 *     SourceCache cache = network.newCache(sourceTokens, conditional.textTokens() + grid.size())) {
 *   network.writeSource(cache, sourceLatents, sourcePriorIds, sourceHeight, sourceWidth);
 *   try (Denoiser denoiser =
 *       network.denoiser(grid, modulation, sigmas, 1.5, conditional, unconditional, cache)) {
 *     for (int i = 0; i < denoiser.steps(); i++) {
 *       denoiser.step(latents, i);
 *     }
 *   }
 * }
 * }</pre>
 *
 * <p>S glyph tokens, I image tokens, D width, E width of the conditioning. Computes in {@link
 * Compute#dtype}, norms, rotation, guidance and Euler step in float32. The weights may be shared by
 * threads; the objects made for a picture may not.
 */
public final class GlmImageTransformer implements AutoCloseable {
  /** A prior id that stands for a dropped one. */
  public static final int DROPPED = -1;

  private final DitConfig config;
  private final Weights weights;
  private final KernelProvider kernels;
  private final List<TransformerBlock> blocks = new ArrayList<>();
  private final Mlp timeEmbedder;
  private final Mlp sizeEmbedder;
  private final Tensor imageProjectorWeight;
  private final Tensor imageProjectorBias;
  private final Mlp glyphProjector;
  private final Tensor priorEmbedding;
  private final Mlp priorProjector;
  private final Tensor finalNormWeight;
  private final Tensor finalNormBias;
  private final Tensor outWeight;
  private final Tensor outBias;

  /** {@code [1, D]}: what the prior projector makes of a dropped prior id. */
  private final Tensor droppedPrior;

  private GlmImageTransformer(DitConfig config, Weights weights, KernelProvider kernels) {
    this.config = config;
    this.weights = weights;
    this.kernels = kernels;
    int d = config.width();
    int e = config.timeDim();
    Weights condition = weights.prefix("time_condition_embed.");
    timeEmbedder =
        Mlp.load(condition.prefix("timestep_embedder."), "linear_1", "linear_2", e, e, e);
    sizeEmbedder =
        Mlp.load(
            condition.prefix("condition_embedder."),
            "linear_1",
            "linear_2",
            4 * config.conditionDim(),
            e,
            e);
    imageProjectorWeight = weights.get("image_projector.proj.weight", d, config.patchValues());
    imageProjectorBias = weights.get("image_projector.proj.bias", d);
    glyphProjector =
        Mlp.load(weights.prefix("glyph_projector."), "net.0.proj", "net.2", config.textDim(), d, d);
    priorEmbedding = weights.get("prior_token_embedding.weight", config.codebook(), d);
    priorProjector = Mlp.load(weights.prefix("prior_projector."), "net.0.proj", "net.2", d, d, d);
    for (int i = 0; i < config.layers(); i++) {
      blocks.add(
          TransformerBlock.load(weights.prefix("transformer_blocks." + i + "."), config, kernels));
    }
    finalNormWeight = weights.get("norm_out.linear.weight", 2L * d, e);
    finalNormBias = weights.get("norm_out.linear.bias", 2L * d);
    outWeight = weights.get("proj_out.weight", config.patchValues(), d);
    outBias = weights.get("proj_out.bias", config.patchValues());
    try (TensorScope scope = new TensorScope()) {
      droppedPrior =
          weights.adopt(
              priorProjector.apply(Ops.zeros(weights.compute().options(), 1, d), torch::silu));
    }
  }

  /**
   * Loads the component {@code transformer}.
   *
   * @throws CheckpointException if files are missing or damaged, or the checkpoint is of another
   *     architecture
   */
  public static GlmImageTransformer load(
      CheckpointFolder checkpoint, Compute compute, KernelProvider kernels) {
    DitConfig config = DitConfig.read(checkpoint.config("transformer/config.json"));
    Weights weights = checkpoint.weights("transformer", compute);
    try {
      GlmImageTransformer network = new GlmImageTransformer(config, weights, kernels);
      List<String> unused = weights.unused();
      if (!unused.isEmpty()) {
        throw new CheckpointException(
            "Cannot load model: "
                + checkpoint.file("transformer")
                + " has tensors that this network has no use for: "
                + String.join(", ", unused.subList(0, Math.min(5, unused.size())))
                + (unused.size() > 5 ? " and " + (unused.size() - 5) + " more" : "")
                + "; the architecture is another");
      }
      return network;
    } catch (RuntimeException e) {
      weights.close();
      throw e;
    }
  }

  /** Side of the patch of latents that is one token. */
  public int patchSize() {
    return config.patch();
  }

  /** Latent channels. */
  public int channels() {
    return config.channels();
  }

  /** Width of a glyph embedding. */
  public int textEmbedDim() {
    return config.textDim();
  }

  /** Prior ids are below this. */
  public int codebookSize() {
    return config.codebook();
  }

  /**
   * The modulation vectors of a schedule.
   *
   * @param timesteps what the network is passed: the schedule's unshifted timesteps minus 1
   * @param height of the target in pixels
   * @param width of the target in pixels
   */
  public Modulation modulation(double[] timesteps, int height, int width) {
    return modulation(timesteps, height, width, 0, 0);
  }

  /**
   * As {@link #modulation(double[], int, int)}, for a target that is a part of a larger picture.
   *
   * @param top first row of the part, in pixels
   * @param left first column of the part, in pixels
   */
  Modulation modulation(double[] timesteps, int height, int width, int top, int left) {
    try (TensorScope scope = new TensorScope()) {
      Compute compute = weights.compute();
      Tensor time = Ops.to(timeSinusoid(timesteps), compute);
      Tensor size = Ops.to(sizeSinusoid(height, width, top, left), compute);
      Tensor embedding =
          timeEmbedder
              .apply(time, torch::silu) // [steps, E]
              .add(sizeEmbedder.apply(size, torch::silu)); // [1, E]
      return new Modulation(
          config, blocks, finalNormWeight, finalNormBias, torch.silu(embedding), height, width);
    }
  }

  /** {@code [steps, E]} float32. */
  Tensor timeSinusoid(double[] timesteps) {
    float[] numbers = new float[timesteps.length];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = (float) timesteps[i];
    }
    return Sinusoid.embed(numbers, config.timeDim());
  }

  /** {@code [1, 4 * conditionDim]} float32: the crop's corner, then the target size. */
  Tensor sizeSinusoid(int height, int width, int top, int left) {
    // [4, conditionDim] -> [1, 4 * conditionDim]
    return Sinusoid.embed(new float[] {top, left, height, width}, config.conditionDim())
        .view(1, -1);
  }

  /**
   * Projects a branch's text and prior.
   *
   * @param glyphEmbeds {@code [S, textEmbedDim]}, on any device; S may be 0
   * @param priorIds {@code [I]}, row by row of the target's token grid, {@link #DROPPED} for a
   *     single dropped one; null where all are dropped
   */
  public DitSequence prepare(Tensor glyphEmbeds, int[] priorIds) {
    if (glyphEmbeds.dim() != 2 || glyphEmbeds.size(1) != config.textDim()) {
      throw new IllegalArgumentException(
          "Cannot prepare glyph embeddings of shape "
              + Arrays.toString(Ops.shape(glyphEmbeds))
              + ", expected [S, "
              + config.textDim()
              + "]");
    }
    try (TensorScope scope = new TensorScope()) {
      Tensor text =
          Ops.isEmpty(glyphEmbeds)
              ? Ops.empty(weights.compute(), 0, config.width())
              : glyphProjector.apply(Ops.to(glyphEmbeds, weights.compute()), torch::gelu);
      return new DitSequence(
          text, priorIds == null ? droppedPrior : projectPrior(priorIds), priorIds == null);
    }
  }

  private Tensor projectPrior(int[] ids) {
    int[] rows = new int[ids.length];
    float[] keep = new float[ids.length];
    boolean anyDropped = false;
    for (int i = 0; i < ids.length; i++) {
      if (ids[i] < DROPPED || ids[i] >= config.codebook()) {
        throw new IllegalArgumentException(
            "Invalid prior id: "
                + ids[i]
                + " at "
                + i
                + ", expected 0 to "
                + (config.codebook() - 1));
      }
      boolean dropped = ids[i] == DROPPED;
      anyDropped |= dropped;
      rows[i] = dropped ? 0 : ids[i];
      keep[i] = dropped ? 0 : 1;
    }
    if (ids.length == 0) {
      return Ops.empty(weights.compute(), 0, config.width());
    }
    Compute compute = weights.compute();
    Tensor embedded =
        priorEmbedding.index_select(0, Ops.to(Ops.of(rows, ids.length), compute, ScalarType.Long));
    if (anyDropped) {
      embedded = embedded.mul_(Ops.to(Ops.of(keep, ids.length, 1), compute));
    }
    return priorProjector.apply(embedded, torch::silu); // [I, D]
  }

  /**
   * An empty cache for a picture's sources.
   *
   * @param sourceTokens tokens of all sources together
   * @param room text and image tokens of the conditional sequence that will read it
   */
  public SourceCache newCache(int sourceTokens, int room) {
    return new SourceCache(weights.compute(), config, sourceTokens, room);
  }

  /**
   * Runs a source image through the network, alone, without text, at timestep 0, and appends its
   * keys and values to the cache.
   *
   * @param latents {@code [C, h, w]} on any device
   * @param priorIds the source's ids, one a token
   * @param height of the source in pixels
   * @param width of the source in pixels
   */
  public void writeSource(
      SourceCache cache, Tensor latents, int[] priorIds, int height, int width) {
    try (TensorScope scope = new TensorScope();
        Modulation modulation = modulation(new double[] {0}, height, width)) {
      writeSource(cache, latents, priorIds, modulation);
    }
  }

  private void writeSource(
      SourceCache cache, Tensor latents, int[] priorIds, Modulation modulation) {
    Grid grid = grid(latents);
    if (cache.written() + grid.size() > cache.sourceTokens()) {
      throw new IllegalArgumentException(
          "Cannot write a source of "
              + grid.size()
              + " tokens: "
              + cache.written()
              + " of the cache's "
              + cache.sourceTokens()
              + " are in use");
    }
    try (OwnedTensors owned = new OwnedTensors();
        DitSequence sequence =
            prepare(Ops.empty(weights.compute(), 0, config.textDim()), priorIds);
        PackedForward forward =
            new PackedForward(
                this,
                grid,
                List.of(sequence),
                cache,
                cache.written(),
                cache.written(),
                /* keysAndValuesOnly= */ true)) {
      forward.run(
          Ops.to(latents, weights.compute(), ScalarType.Float),
          new ModulationRow(modulation.row(0), config, owned),
          Trace.NONE);
      cache.advance(grid.size());
    }
  }

  /**
   * Which steps of a schedule run the blocks.
   *
   * @param threshold the part of the schedule, 0 to 1, that goes by before the blocks run again: of
   *     the time embedding's way from the first step to the last; 0 runs them in every step
   */
  public StepPlan stepPlan(Modulation modulation, double threshold) {
    return threshold > 0
        ? StepPlan.of(modulation.changes(), threshold)
        : StepPlan.everyStep(modulation.steps());
  }

  /**
   * Prepares the denoising of one picture, every step computed.
   *
   * @see #denoiser(Grid, Modulation, float[], StepPlan, double, DitSequence, DitSequence,
   *     SourceCache)
   */
  public Denoiser denoiser(
      Grid grid,
      Modulation modulation,
      float[] sigmas,
      double guidance,
      DitSequence conditional,
      DitSequence unconditional,
      SourceCache cache) {
    StepPlan plan = StepPlan.everyStep(modulation.steps());
    return denoiser(grid, modulation, sigmas, plan, guidance, conditional, unconditional, cache);
  }

  /**
   * Prepares the denoising of one picture.
   *
   * @param grid the target's tokens: latent sides divided by {@link #patchSize}
   * @param modulation of the schedule and the target size
   * @param sigmas one more than steps
   * @param plan which steps run the blocks
   * @param guidance unconditional + guidance * (conditional - unconditional); the unconditional
   *     branch runs only where this is above 1
   * @param unconditional may be null where guidance is at most 1
   * @param cache the sources, all written, which the conditional sequence sees; null for none
   */
  public Denoiser denoiser(
      Grid grid,
      Modulation modulation,
      float[] sigmas,
      StepPlan plan,
      double guidance,
      DitSequence conditional,
      DitSequence unconditional,
      SourceCache cache) {
    boolean guided = guidance > 1;
    if (guided && unconditional == null) {
      throw new IllegalArgumentException(
          "Cannot denoise with guidance " + guidance + " without an unconditional sequence");
    }
    return new Denoiser(
        this,
        grid,
        modulation,
        sigmas,
        plan,
        guidance,
        conditional,
        guided ? unconditional : null,
        cache);
  }

  /** The token grid of latents {@code [C, h, w]}. */
  private Grid grid(Tensor latents) {
    int patch = config.patch();
    if (latents.dim() != 3
        || latents.size(0) != config.channels()
        || latents.size(1) % patch != 0
        || latents.size(2) % patch != 0) {
      throw new IllegalArgumentException(
          "Cannot cut latents of shape "
              + Arrays.toString(Ops.shape(latents))
              + " into patches, expected ["
              + config.channels()
              + ", h, w] with sides that are multiples of "
              + patch);
    }
    return new Grid(
        Math.toIntExact(latents.size(1) / patch), Math.toIntExact(latents.size(2) / patch));
  }

  DitConfig config() {
    return config;
  }

  Compute compute() {
    return weights.compute();
  }

  KernelProvider kernels() {
    return kernels;
  }

  TransformerBlock block(int index) {
    return blocks.get(index);
  }

  Tensor imageProjectorWeight() {
    return imageProjectorWeight;
  }

  Tensor imageProjectorBias() {
    return imageProjectorBias;
  }

  Tensor outWeight() {
    return outWeight;
  }

  Tensor outBias() {
    return outBias;
  }

  /** Frees the weights; what was prepared with this network must be closed before. */
  @Override
  public void close() {
    weights.close();
  }
}
