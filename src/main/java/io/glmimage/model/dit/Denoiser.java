package io.glmimage.model.dit;

import io.glmimage.kernel.KernelProvider;
import io.glmimage.kernel.PackedLayout;
import io.glmimage.model.Grid;
import io.glmimage.model.Observer;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.OwnedTensors;
import io.glmimage.tensor.TensorScope;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * The body of the denoising loop for one image. Everything that the steps share is prepared once.
 * Close it when the image is done. Its inputs (modulation, sequences, cache) must stay open until
 * then and are closed by their owners. Not thread-safe.
 *
 * <p>C latent channels, h x w latent sides.
 *
 * <p>Ported from diffusers src/diffusers/pipelines/glm_image/pipeline_glm_image.py, the denoising
 * loop of GlmImagePipeline.__call__ (commit 58eb52c). Deviations: both branches run as one packed
 * forward pass; guidance and the step of the solver are one operation; a solver of the second order
 * can be used, see {@link DenoisingSteps}; steps can be reused, see {@link StepPlan}. Guidance is
 * linear, so extrapolating the guided noise equals extrapolating the noise of each branch.
 */
public final class Denoiser implements AutoCloseable {
  private final DitConfig config;
  private final KernelProvider kernels;
  private final Grid grid;
  private final DenoisingSteps steps;
  private final OwnedTensors owned = new OwnedTensors();
  private final PackedForward forward;

  /**
   * {@code [rowSize]}: the modulation of the current step. Each step copies its row here, because
   * {@link #vectors} consists of about 180 views at 30 layers, too many to make in every step.
   */
  private final Tensor current;

  private final ModulationRow vectors;

  /** {@code [steps, 3]} float32: next sigma minus sigma, guidance scale, extrapolation. */
  private final Tensor scalars;

  /** {@code [C, h, w]} float32: the noise of the last step; null for steps of the first order. */
  private final Tensor previousNoise;

  private Observer observer = Observer.NONE;

  /** The step whose block output is kept for reuse; -1 if none is. */
  private int keptStep = -1;

  private int lastStep = -1;

  Denoiser(
      DitWeights weights,
      KernelProvider kernels,
      Grid grid,
      DenoisingSteps steps,
      Guidance guidance,
      SourceCache cache) {
    this.config = weights.config();
    this.kernels = kernels;
    this.grid = grid;
    this.steps = steps;
    if (cache != null) {
      checkCache(cache, guidance.conditional().textTokens() + grid.size());
    }
    forward = PackedForward.ofBranches(weights, kernels, grid, guidance.sequences(), cache);
    try (TensorScope scope = new TensorScope()) {
      current = owned.own(Ops.empty(weights.compute(), Modulation.rowSize(config)));
      vectors = new ModulationRow(current, config, owned);
      float[] values = new float[3 * steps.count()];
      for (int i = 0; i < steps.count(); i++) {
        values[3 * i] = steps.delta(i);
        values[3 * i + 1] = (float) guidance.scale();
        values[3 * i + 2] = steps.extrapolation(i);
      }
      scalars =
          owned.own(Ops.to(Ops.of(values, steps.count(), 3), weights.compute(), ScalarType.Float));
      previousNoise =
          steps.secondOrder()
              ? owned.own(Ops.zeros(weights.compute().options(ScalarType.Float), latentShape()))
              : null;
    } catch (RuntimeException e) {
      // Probably out of device memory: free what was allocated.
      close();
      throw e;
    }
  }

  private static void checkCache(SourceCache cache, int needed) {
    if (cache.written() != cache.sourceTokens()) {
      throw new IllegalStateException(
          "Cannot denoise: "
              + cache.written()
              + " of "
              + cache.sourceTokens()
              + " source tokens have been written to the cache");
    }
    if (cache.room() < needed) {
      throw new IllegalArgumentException(
          "Cannot denoise "
              + needed
              + " tokens with a source cache that has room for "
              + cache.room());
    }
  }

  /** Number of steps. */
  public int steps() {
    return steps.count();
  }

  /** Which steps run the transformer blocks. */
  public StepPlan plan() {
    return steps.plan();
  }

  /** Shape of the latents, {@code [C, h, w]}. */
  public long[] latentShape() {
    long patch = config.patch();
    return new long[] {config.channels(), grid.rows() * patch, grid.columns() * patch};
  }

  /**
   * One step, in place: predicts the noise and moves the latents to the next sigma. A step that
   * reuses must follow the step that it reuses, and a step that extrapolates the one before it.
   *
   * @param latents {@code [C, h, w]} float32 on the network's device, contiguous
   */
  public void step(Tensor latents, int step) {
    checkLatents(latents);
    checkOrder(step);
    try (TensorScope scope = new TensorScope()) {
      current.copy_(steps.modulation().row(step));
      Tensor prediction;
      if (steps.plan().reuses(step)) {
        checkKept(step);
        prediction = forward.reuse(latents, vectors, observer);
      } else {
        boolean keep = steps.plan().isReused(step);
        keptStep = -1;
        prediction = forward.run(latents, vectors, keep, observer);
        keptStep = keep ? step : -1;
      }
      kernels
          .guidedEulerStep()
          .apply(
              latents,
              prediction,
              previousNoise,
              forward.layout(),
              config.patch(),
              scalars.select(0, step));
    }
    lastStep = step;
  }

  /**
   * The predicted noise of every branch, conditional first, {@code [C, h, w]} float32 each, of the
   * caller's scope. Always runs the blocks. For parity tests.
   */
  public List<Tensor> predictNoise(Tensor latents, int step) {
    checkLatents(latents);
    try (TensorScope scope = new TensorScope()) {
      current.copy_(steps.modulation().row(step));
      Tensor prediction = forward.run(latents, vectors, false, observer).to(ScalarType.Float);
      return forward.layout().sequences().stream()
          .map(sequence -> scope.keep(unpatchify(prediction, sequence)))
          .toList();
    }
  }

  /** Sends the intermediate values of all following forward passes to {@code to}. */
  void observe(Observer to) {
    observer = to;
  }

  private void checkOrder(int step) {
    if (steps.extrapolation(step) != 0 && step != lastStep + 1) {
      throw new IllegalStateException(
          "Cannot take step "
              + step
              + ": it extrapolates the noise of step "
              + (step - 1)
              + ", but the last step is "
              + (lastStep < 0 ? "none" : lastStep));
    }
  }

  private void checkKept(int step) {
    int computed = steps.plan().computedStep(step);
    if (keptStep != computed) {
      throw new IllegalStateException(
          "Cannot take step "
              + step
              + ": it reuses step "
              + computed
              + ", but the last one kept is "
              + (keptStep < 0 ? "none" : keptStep));
    }
  }

  /** {@code [T, C p p] -> [C, h, w]} */
  private Tensor unpatchify(Tensor prediction, PackedLayout.Sequence sequence) {
    return Ops.fromPatches(
        prediction.narrow(0, sequence.imageOffset(), sequence.imageTokens()),
        grid.rows(),
        grid.columns(),
        config.patch());
  }

  private void checkLatents(Tensor latents) {
    if (!Arrays.equals(Ops.shape(latents), latentShape())
        || Ops.dtype(latents) != ScalarType.Float) {
      throw new IllegalArgumentException(
          "Cannot denoise latents of shape "
              + Arrays.toString(Ops.shape(latents))
              + " and dtype "
              + Ops.dtype(latents)
              + ", expected "
              + Arrays.toString(latentShape())
              + " in float32");
    }
  }

  @Override
  public void close() {
    forward.close();
    owned.close();
  }
}
