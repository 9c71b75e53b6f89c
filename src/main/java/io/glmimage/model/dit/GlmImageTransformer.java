package io.glmimage.model.dit;

import io.glmimage.error.CheckpointException;
import io.glmimage.kernel.KernelProvider;
import io.glmimage.model.Grid;
import io.glmimage.model.Observer;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.OwnedTensors;
import io.glmimage.tensor.TensorScope;
import io.glmimage.weights.CheckpointFolder;
import io.glmimage.weights.Weights;
import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * The diffusion transformer (component {@code transformer}): predicts the noise in latents from
 * glyph text, prior ids, timestep, target size and cached source images. It has a single stream:
 * text and image tokens share all weights except their modulation vectors.
 *
 * <p>The branches of an image are packed into one tensor without padding ({@link
 * io.glmimage.kernel.PackedLayout}). Products run once over all rows; attention runs within each
 * sequence. Images are never computed together, so an image's bits do not depend on other images.
 * The order of calls:
 *
 * <pre>{@code
 * try (Modulation modulation = network.modulation(timesteps, height, width);
 *     DitSequence conditional = network.prepare(glyphs, priorIds);
 *     DitSequence unconditional = network.prepare(emptyGlyphs, null);
 *     SourceCache cache = network.newCache(sourceTokens, conditional.textTokens() + grid.size())) {
 *   network.writeSource(cache, sourceLatents, sourcePriorIds, sourceHeight, sourceWidth);
 *   DenoisingSteps steps = new DenoisingSteps(modulation, sigmas);
 *   Guidance guidance = new Guidance(1.5, conditional, unconditional);
 *   try (Denoiser denoiser = network.denoiser(grid, steps, guidance, cache)) {
 *     for (int i = 0; i < denoiser.steps(); i++) {
 *       denoiser.step(latents, i);
 *     }
 *   }
 * }
 * }</pre>
 *
 * <p>S glyph tokens, I image tokens, D width. Computes in {@link Compute#dtype}; norms, rotation,
 * guidance and Euler step in float32. Threads may share the network, but not the objects made for
 * one image. If the weights share device memory with another network, these calls bring them to the
 * device, and the other network may not run until the image is denoised.
 *
 * <p>Ported from diffusers src/diffusers/models/transformers/transformer_glm_image.py,
 * GlmImageTransformer2DModel (commit 58eb52c). Deviations: see {@link PackedForward}, {@link
 * SourceCache} and {@link StepPlan}.
 */
public final class GlmImageTransformer implements AutoCloseable {
  /** Stands for a dropped prior id. */
  public static final int DROPPED = PriorProjector.DROPPED;

  private final Weights tensors;
  private final KernelProvider kernels;
  private final DitWeights weights;

  private GlmImageTransformer(DitConfig config, Weights tensors, KernelProvider kernels) {
    this.tensors = tensors;
    this.kernels = kernels;
    weights = DitWeights.load(tensors, config, kernels);
  }

  /**
   * Loads the component {@code transformer}.
   *
   * @throws CheckpointException if files are missing or damaged, or the checkpoint has another
   *     architecture
   */
  public static GlmImageTransformer load(
      CheckpointFolder checkpoint, Compute compute, KernelProvider kernels) {
    DitConfig config = DitConfig.read(checkpoint.config("transformer/config.json"));
    Weights tensors =
        checkpoint.weights(
            "transformer", compute.withPrecision(compute.precision().ofTransformer()));
    try {
      GlmImageTransformer network = new GlmImageTransformer(config, tensors, kernels);
      tensors.warnOfUnused();
      tensors.loaded();
      return network;
    } catch (RuntimeException e) {
      tensors.close();
      throw e;
    }
  }

  /** Side of the square of latents that one token stands for. */
  public int patchSize() {
    return weights.config().patch();
  }

  /** Latent channels. */
  public int channels() {
    return weights.config().channels();
  }

  /** Width of a glyph embedding. */
  public int textEmbedDim() {
    return weights.config().textDim();
  }

  /** Prior ids are below this. */
  public int codebookSize() {
    return weights.config().codebook();
  }

  /**
   * The modulation vectors of a schedule.
   *
   * @param timesteps as the network sees them: the schedule's unshifted timesteps minus 1
   * @param height of the target in pixels
   * @param width of the target in pixels
   */
  public Modulation modulation(double[] timesteps, int height, int width) {
    return modulation(timesteps, height, width, 0, 0);
  }

  /**
   * As {@link #modulation(double[], int, int)}, for a target that is a crop of a larger image.
   *
   * @param top first row of the crop, in pixels
   * @param left first column of the crop, in pixels
   */
  Modulation modulation(double[] timesteps, int height, int width, int top, int left) {
    tensors.activate();
    try (TensorScope scope = new TensorScope()) {
      return new Modulation(
          weights, weights.condition().embed(timesteps, height, width, top, left));
    }
  }

  /**
   * Projects the text and the prior of one branch.
   *
   * @param glyphEmbeds {@code [S, textEmbedDim]}, on any device; S may be 0
   * @param priorIds {@code [I]}, row by row of the target's token grid, with {@link #DROPPED} for a
   *     single dropped id; null if all are dropped
   */
  public DitSequence prepare(Tensor glyphEmbeds, int[] priorIds) {
    if (glyphEmbeds.dim() != 2 || glyphEmbeds.size(1) != textEmbedDim()) {
      throw new IllegalArgumentException(
          "Cannot prepare glyph embeddings of shape "
              + Arrays.toString(Ops.shape(glyphEmbeds))
              + ", expected [S, "
              + textEmbedDim()
              + "]");
    }
    tensors.activate();
    PriorProjector prior = weights.priorProjector();
    try (TensorScope scope = new TensorScope()) {
      Tensor text =
          Ops.isEmpty(glyphEmbeds)
              ? Ops.empty(compute(), 0, weights.config().width())
              : weights.glyphProjector().apply(Ops.to(glyphEmbeds, compute()), torch::gelu);
      return priorIds == null
          ? new DitSequence(text, prior.dropped(), true)
          : new DitSequence(text, prior.project(priorIds), false);
    }
  }

  /**
   * An empty cache for an image's sources.
   *
   * @param sourceTokens tokens of all sources together
   * @param room text and image tokens of the conditional sequence that will read it
   */
  public SourceCache newCache(int sourceTokens, int room) {
    return new SourceCache(weights, sourceTokens, room);
  }

  /**
   * Number of values in a cache.
   *
   * @param tokens of all sources and of the conditional sequence together
   */
  public long cacheValues(int tokens) {
    DitConfig config = weights.config();
    return 2L * config.layers() * tokens * config.heads() * config.headDim();
  }

  /**
   * Runs a source image through the network and appends its keys and values to the cache. The
   * source is seen without text and without the other sources, at timestep 0.
   *
   * @param latents {@code [C, h, w]} on any device
   * @param priorIds the source's ids, one per token
   * @param height of the source in pixels
   * @param width of the source in pixels
   */
  public void writeSource(
      SourceCache cache, Tensor latents, int[] priorIds, int height, int width) {
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
    tensors.activate();
    try (TensorScope scope = new TensorScope();
        Modulation modulation = modulation(new double[] {0}, height, width);
        OwnedTensors views = new OwnedTensors();
        DitSequence sequence = prepare(Ops.empty(compute(), 0, textEmbedDim()), priorIds);
        PackedForward forward = PackedForward.ofSource(weights, kernels, grid, sequence, cache)) {
      forward.run(
          Ops.to(latents, compute(), ScalarType.Float),
          new ModulationRow(modulation.row(0), weights.config(), views),
          /* keep= */ false,
          Observer.NONE);
      cache.advance(grid.size());
    }
  }

  /**
   * Which steps of a schedule run the blocks.
   *
   * @param threshold fraction (0 to 1) of the time embedding's total change after which the blocks
   *     run again; 0 runs them in every step
   */
  public StepPlan stepPlan(Modulation modulation, double threshold) {
    return threshold > 0
        ? StepPlan.of(modulation.changes(), threshold)
        : StepPlan.everyStep(modulation.steps());
  }

  /**
   * Prepares the denoising of one image.
   *
   * @param grid the target's tokens: latent sides divided by {@link #patchSize}
   * @param cache the sources, all written, which only the conditional sequence sees; null for none
   */
  public Denoiser denoiser(Grid grid, DenoisingSteps steps, Guidance guidance, SourceCache cache) {
    tensors.activate();
    return new Denoiser(weights, kernels, grid, steps, guidance, cache);
  }

  /** The token grid of latents {@code [C, h, w]}. */
  private Grid grid(Tensor latents) {
    int patch = patchSize();
    if (latents.dim() != 3
        || latents.size(0) != channels()
        || latents.size(1) % patch != 0
        || latents.size(2) % patch != 0) {
      throw new IllegalArgumentException(
          "Cannot cut latents of shape "
              + Arrays.toString(Ops.shape(latents))
              + " into patches, expected ["
              + channels()
              + ", h, w] with sides that are multiples of "
              + patch);
    }
    return new Grid(
        Math.toIntExact(latents.size(1) / patch), Math.toIntExact(latents.size(2) / patch));
  }

  private Compute compute() {
    return weights.compute();
  }

  /** For tests of the parts. */
  DitWeights weights() {
    return weights;
  }

  /** Frees the weights. Close everything that was prepared with this network first. */
  @Override
  public void close() {
    tensors.close();
  }
}
