package io.glmimage.pipeline;

import io.glmimage.kernel.AtenKernels;
import io.glmimage.kernel.KernelProvider;
import io.glmimage.model.dit.GlmImageTransformer;
import io.glmimage.model.glyph.GlyphEncoder;
import io.glmimage.model.prior.PriorModel;
import io.glmimage.model.vae.Vae;
import io.glmimage.tensor.Compute;
import io.glmimage.weights.CheckpointFolder;
import java.util.List;
import java.util.function.Function;

/**
 * A network of a checkpoint, to be built without data on {@link Compute#meta}.
 *
 * @param name its folder
 */
record Network(String name, Function<CheckpointFolder, AutoCloseable> load) {
  /** All networks, in the order of their names. */
  static List<Network> all(Compute compute) {
    KernelProvider kernels = new AtenKernels();
    return List.of(
        new Network("text_encoder", f -> GlyphEncoder.load(f, compute)),
        new Network("transformer", f -> GlmImageTransformer.load(f, compute, kernels)),
        new Network("vae", f -> Vae.load(f, compute, kernels)),
        new Network("vision_language_encoder", f -> PriorModel.load(f, compute, kernels)));
  }
}
