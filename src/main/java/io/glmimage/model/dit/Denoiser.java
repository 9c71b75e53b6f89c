package io.glmimage.model.dit;

import io.glmimage.kernel.PackedLayout;
import io.glmimage.model.Grid;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.OwnedTensors;
import io.glmimage.tensor.TensorScope;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * The denoising loop's body for one picture: all that its steps share is prepared once. Close it
 * with the picture; what it was made of (modulation, sequences, cache) must live as long and is
 * closed by its owner. Not thread-safe.
 *
 * <p>C latent channels, h x w latent sides.
 */
public final class Denoiser implements AutoCloseable {
  private final GlmImageTransformer network;
  private final Grid grid;
  private final Modulation modulation;
  private final float[] sigmas;
  private final StepPlan plan;
  private final OwnedTensors owned = new OwnedTensors();
  private final PackedForward forward;

  /** {@code [rowSize]}: what the operations read; a step copies its row here. */
  private final Tensor current;

  private final ModulationRow vectors;

  /** {@code [steps, 2]} float32: next sigma minus sigma, guidance. */
  private final Tensor scalars;

  /** {@code [2]}: the step's row of {@link #scalars}. */
  private final Tensor currentScalars;

  private Trace trace = Trace.NONE;

  /** The step whose blocks' sum is kept, -1 for none. */
  private int keptStep = -1;

  Denoiser(
      GlmImageTransformer network,
      Grid grid,
      Modulation modulation,
      float[] sigmas,
      StepPlan plan,
      double guidance,
      DitSequence conditional,
      DitSequence unconditional,
      SourceCache cache) {
    this.network = network;
    this.grid = grid;
    this.modulation = modulation;
    this.sigmas = sigmas.clone();
    this.plan = plan;
    if (plan.steps() != modulation.steps()) {
      throw new IllegalArgumentException(
          "Cannot denoise in "
              + modulation.steps()
              + " steps by a plan of "
              + plan.steps()
              + " steps");
    }
    if (sigmas.length != modulation.steps() + 1) {
      throw new IllegalArgumentException(
          "Cannot denoise in "
              + modulation.steps()
              + " steps with "
              + sigmas.length
              + " sigmas: it takes one more sigma than steps");
    }
    if (cache != null) {
      if (cache.written() != cache.sourceTokens()) {
        throw new IllegalStateException(
            "Cannot denoise: "
                + cache.written()
                + " of "
                + cache.sourceTokens()
                + " source tokens have been written to the cache");
      }
      int needed = conditional.textTokens() + grid.size();
      if (cache.room() < needed) {
        throw new IllegalArgumentException(
            "Cannot denoise "
                + needed
                + " tokens with a source cache that has room for "
                + cache.room());
      }
    }
    boolean guided = unconditional != null;
    try (TensorScope scope = new TensorScope()) {
      forward =
          new PackedForward(
              network,
              grid,
              guided ? List.of(conditional, unconditional) : List.of(conditional),
              cache,
              cache == null ? 0 : cache.sourceTokens(),
              0,
              /* keysAndValuesOnly= */ false);
      current = owned.own(Ops.empty(network.compute(), Modulation.rowSize(network.config())));
      vectors = new ModulationRow(current, network.config(), owned);
      float[] values = new float[2 * modulation.steps()];
      for (int i = 0; i < modulation.steps(); i++) {
        values[2 * i] = sigmas[i + 1] - sigmas[i];
        values[2 * i + 1] = (float) guidance;
      }
      scalars =
          owned.own(
              Ops.to(Ops.of(values, modulation.steps(), 2), network.compute(), ScalarType.Float));
      currentScalars = owned.own(scalars.new_empty(2));
    }
  }

  /** How many steps. */
  public int steps() {
    return modulation.steps();
  }

  /** Which steps run the blocks. */
  public StepPlan plan() {
    return plan;
  }

  /** One more than steps; the last is 0. */
  public float[] sigmas() {
    return sigmas.clone();
  }

  /** Shape of the latents, {@code [C, h, w]}. */
  public long[] latentShape() {
    long patch = network.config().patch();
    return new long[] {network.config().channels(), grid.rows() * patch, grid.columns() * patch};
  }

  /**
   * One step, in place: predicts the noise at {@code step} and moves the latents to the next sigma.
   * Steps that reuse another's blocks come after that one.
   *
   * @param latents {@code [C, h, w]} float32 on the network's device, contiguous
   */
  public void step(Tensor latents, int step) {
    checkLatents(latents);
    try (TensorScope scope = new TensorScope()) {
      current.copy_(modulation.row(step));
      Tensor prediction;
      if (plan.reuses(step)) {
        checkKept(step);
        prediction = forward.reuse(latents, vectors, trace);
      } else {
        boolean keep = plan.isReused(step);
        keptStep = -1;
        prediction = forward.run(latents, vectors, keep, trace);
        keptStep = keep ? step : -1;
      }
      currentScalars.copy_(scalars.select(0, step));
      network
          .kernels()
          .guidedEulerStep()
          .apply(latents, prediction, forward.layout(), network.config().patch(), currentScalars);
    }
  }

  /**
   * The noise that every sequence predicts, conditional first, {@code [C, h, w]} float32 each; of
   * the caller's scope. Runs the blocks, whatever the plan says.
   */
  public List<Tensor> predictNoise(Tensor latents, int step) {
    checkLatents(latents);
    try (TensorScope scope = new TensorScope()) {
      current.copy_(modulation.row(step));
      Tensor prediction = forward.run(latents, vectors, trace).to(ScalarType.Float);
      return forward.layout().sequences().stream()
          .map(sequence -> scope.keep(unpatchify(prediction, sequence)))
          .toList();
    }
  }

  /** Shows the intermediate values of all following forwards. */
  void trace(Trace to) {
    trace = to;
  }

  private void checkKept(int step) {
    int computed = plan.computedStep(step);
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

  private Tensor unpatchify(Tensor prediction, PackedLayout.Sequence sequence) {
    return Ops.fromPatches(
        prediction.narrow(0, sequence.imageOffset(), sequence.imageTokens()),
        grid.rows(),
        grid.columns(),
        network.config().patch());
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
