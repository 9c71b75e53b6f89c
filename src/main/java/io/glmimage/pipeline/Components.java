package io.glmimage.pipeline;

import io.glmimage.kernel.KernelProvider;
import io.glmimage.model.dit.GlmImageTransformer;
import io.glmimage.model.glyph.GlyphEncoder;
import io.glmimage.model.prior.PriorModel;
import io.glmimage.model.processor.GlmProcessor;
import io.glmimage.model.scheduler.FlowMatchEulerScheduler;
import io.glmimage.model.vae.Vae;
import io.glmimage.tensor.Compute;
import io.glmimage.weights.WeightTurns;

/**
 * The loaded components of a checkpoint.
 *
 * @param plan where their weights are
 * @param memoryLimit bytes of device memory that this process may use until these are closed; 0 for
 *     no limit
 * @param turns the memory that components share; null if each has its own
 * @param compute where they are and what they compute in
 * @param kernels that the networks run on
 * @param processor null if loaded without one
 */
record Components(
    MemoryPlan plan,
    long memoryLimit,
    WeightTurns turns,
    Compute compute,
    KernelProvider kernels,
    GlmProcessor processor,
    PriorModel prior,
    GlyphEncoder glyphs,
    GlmImageTransformer transformer,
    FlowMatchEulerScheduler scheduler,
    Vae vae)
    implements AutoCloseable {

  /** Frees the weights of all components. */
  @Override
  public void close() {
    if (processor != null) {
      processor.close();
    }
    prior.close();
    transformer.close();
    glyphs.close();
    vae.close();
    if (turns != null) {
      turns.close();
    }
    if (memoryLimit > 0) {
      compute.limitMemory(0);
    }
  }
}
