package io.glmimage.pipeline;

import io.glmimage.error.CheckpointException;
import io.glmimage.kernel.KernelMode;
import io.glmimage.kernel.KernelProvider;
import io.glmimage.kernel.Kernels;
import io.glmimage.model.OutputLimits;
import io.glmimage.model.dit.GlmImageTransformer;
import io.glmimage.model.glyph.GlyphEncoder;
import io.glmimage.model.prior.PriorModel;
import io.glmimage.model.prior.PriorOptions;
import io.glmimage.model.processor.GlmProcessor;
import io.glmimage.model.scheduler.FlowMatchEulerScheduler;
import io.glmimage.model.vae.Vae;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.MemoryRule;
import io.glmimage.weights.CheckpointFolder;
import io.glmimage.weights.WeightTurns;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * Loads the components of one checkpoint and checks that they fit each other. If a component cannot
 * be loaded, the ones loaded before it are freed.
 */
final class PipelineLoader {
  private final CheckpointFolder folder;
  private final Compute compute;
  private final PriorOptions sampling;
  private final KernelProvider kernels;
  private MemoryRule memory = MemoryRule.STANDARD;

  /** What has been loaded so far, last first. */
  private final Deque<AutoCloseable> loaded = new ArrayDeque<>();

  PipelineLoader(
      CheckpointFolder folder, Compute compute, PriorOptions sampling, KernelProvider kernels) {
    this.folder = folder;
    this.compute = compute;
    this.sampling = sampling;
    this.kernels = kernels;
  }

  /** Sets the check before weights are loaded. */
  PipelineLoader withMemory(MemoryRule rule) {
    memory = rule;
    return this;
  }

  /**
   * The kernels for a device.
   *
   * @throws io.glmimage.error.GlmImageException if {@code mode} forces fused kernels that cannot
   *     run
   */
  static KernelProvider kernels(KernelMode mode, Compute compute) {
    compute.makeCurrent();
    return Kernels.provider(mode, compute, Kernels.cacheFolder());
  }

  /**
   * Loads all components.
   *
   * @throws CheckpointException if the checkpoint is incomplete, damaged or of an unknown
   *     architecture
   * @throws io.glmimage.error.DeviceException if its weights exceed the memory that is free
   */
  Components load() {
    return load(/* withProcessor= */ true);
  }

  /** Loads all components except the processor, for callers that bring its output. */
  Components loadWithoutProcessor() {
    return load(/* withProcessor= */ false);
  }

  private Components load(boolean withProcessor) {
    try {
      // First, because it is the quickest to fail.
      GlmProcessor processor = withProcessor ? part(GlmProcessor.load(folder)) : null;
      compute.makeCurrent();
      MemoryPlan plan = MemoryCheck.plan(folder, compute, sampling, memory);
      if (limited()) {
        compute.limitMemory(memory.budgetBytes());
      }
      WeightTurns turns =
          plan.weights() == MemoryPlan.Residence.TURNS ? part(new WeightTurns(compute)) : null;
      CheckpointFolder large = turns == null ? folder : folder.withTurns(turns);
      FlowMatchEulerScheduler scheduler = FlowMatchEulerScheduler.load(folder);
      Vae vae = part(Vae.load(folder, compute, kernels));
      GlyphEncoder glyphs = part(GlyphEncoder.load(folder, compute));
      GlmImageTransformer transformer = part(GlmImageTransformer.load(large, compute, kernels));
      PriorModel prior = part(PriorModel.load(large, compute, kernels, sampling));
      checkPatches(vae, transformer);
      checkChannels(vae, transformer);
      checkGlyphs(glyphs, transformer);
      if (processor != null) {
        checkTokens(processor, prior);
      }
      if (turns != null) {
        prior.limitRows(plan.rows());
        turns.start();
        turns.beforeEachTurn(plan.keepsCache() ? () -> {} : prior::releaseCache);
      }
      return new Components(
          plan,
          limited() ? memory.budgetBytes() : 0,
          turns,
          compute,
          kernels,
          processor,
          prior,
          glyphs,
          transformer,
          scheduler,
          vae);
    } catch (RuntimeException e) {
      free(e);
      throw e;
    }
  }

  private <T extends AutoCloseable> T part(T part) {
    loaded.push(part);
    return part;
  }

  private void free(RuntimeException failure) {
    for (AutoCloseable part : loaded) {
      try {
        part.close();
      } catch (Exception e) {
        failure.addSuppressed(e);
      }
    }
    if (limited()) {
      compute.limitMemory(0);
    }
  }

  /** Whether the memory of this process is limited as long as the components are loaded. */
  private boolean limited() {
    return memory.budgetBytes() > 0 && compute.isCuda();
  }

  private void checkPatches(Vae vae, GlmImageTransformer transformer) {
    int pixels = vae.scaleFactor() * transformer.patchSize();
    // A prior token stands for 2 x 2 tokens of the DiT.
    int expected = OutputLimits.TOKEN_PIXELS / 2;
    check(
        pixels == expected,
        "a DiT token covers "
            + pixels
            + " pixels (VAE scale factor times patch size), but prior tokens need "
            + expected);
  }

  private void checkChannels(Vae vae, GlmImageTransformer transformer) {
    check(
        vae.latentChannels() == transformer.channels(),
        "the VAE has "
            + vae.latentChannels()
            + " latent channels, the transformer "
            + transformer.channels());
  }

  private void checkGlyphs(GlyphEncoder glyphs, GlmImageTransformer transformer) {
    check(
        glyphs.width() == transformer.textEmbedDim(),
        "the text encoder is "
            + glyphs.width()
            + " wide, the transformer expects "
            + transformer.textEmbedDim());
  }

  /** Prompts would frame images with tokens that the model does not know as such. */
  private void checkTokens(GlmProcessor processor, PriorModel prior) {
    List<String> differences = new ArrayList<>();
    compare(differences, "image_token_id", prior.imageTokenId(), processor.imageTokenId());
    compare(differences, "image_start_token_id", prior.imageStartId(), processor.imageStartId());
    compare(differences, "image_end_token_id", prior.imageEndId(), processor.imageEndId());
    check(
        differences.isEmpty(),
        "processor/tokenizer.json and vision_language_encoder/config.json are not from the same"
            + " checkpoint: "
            + String.join(", ", differences));
  }

  private static void compare(List<String> differences, String key, int model, int tokenizer) {
    if (model != tokenizer) {
      differences.add(key + " is " + model + ", but the tokenizer has " + tokenizer);
    }
  }

  private void check(boolean fits, String problem) {
    if (!fits) {
      throw new CheckpointException("Cannot load model: " + folder.root() + ": " + problem);
    }
  }
}
