package io.glmimage.pipeline;

import io.glmimage.kernel.KernelMode;
import io.glmimage.kernel.WatchedKernels;
import io.glmimage.model.prior.PriorOptions;
import io.glmimage.predict.EditEngine;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.DeviceName;
import io.glmimage.weights.CheckpointFolder;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import org.bytedeco.pytorch.Tensor;

/**
 * The real engine, which meets a {@link DeviceFault} in the middle of the schedule of some rows.
 */
public final class FaultyEngine implements EditEngine {
  /** The call of a transformer block's MLP at which the fault happens. */
  private static final int CALL = 10;

  private final Compute compute;
  private final GlmImagePipeline pipeline;
  private final DeviceFault fault;
  private final Predicate<String> hits;
  private int calls = CALL;

  /**
   * @param hits whether the row with an id meets the fault
   * @param silence the time without progress after which the device is lost
   */
  public FaultyEngine(
      Path model, DeviceName device, DeviceFault fault, Predicate<String> hits, Duration silence) {
    this.fault = fault;
    this.hits = hits;
    compute = Compute.of(device);
    pipeline =
        GlmImagePipeline.load(
            CheckpointFolder.open(model),
            compute,
            PriorOptions.defaults(compute),
            WatchedKernels.of(
                PipelineLoader.kernels(KernelMode.AUTO, compute), "linearGelu", this::before),
            silence);
  }

  private void before(Object[] arguments) {
    if (++calls == CALL) {
      fault.happen(compute, (Tensor) arguments[0]);
    }
  }

  @Override
  public List<EditResult> edit(List<EditRequest> requests) {
    List<EditResult> results = new ArrayList<>();
    for (EditRequest request : requests) {
      calls = hits.test(request.id()) ? 0 : CALL;
      results.addAll(pipeline.edit(List.of(request)));
    }
    return results;
  }

  @Override
  public String description() {
    return pipeline.description();
  }

  @Override
  public void close() {
    pipeline.close();
  }
}
