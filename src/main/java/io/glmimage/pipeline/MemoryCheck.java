package io.glmimage.pipeline;

import static io.glmimage.pipeline.MemoryPlan.gigabytes;

import io.glmimage.error.DeviceException;
import io.glmimage.model.prior.PriorOptions;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.GpuPool;
import io.glmimage.tensor.HostMemory;
import io.glmimage.tensor.MemoryRule;
import io.glmimage.tensor.Precision;
import io.glmimage.weights.CheckpointFolder;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Chooses the {@link MemoryPlan} of a model before anything is loaded, and refuses a model that
 * exceeds the memory under every plan. Otherwise the system would end the process without a
 * message. What is needed at any rate is counted: the weights, and the large buffers of one edit of
 * {@link WorkingMemory#SMALL} pixels. If edits of {@link WorkingMemory#MEDIUM} pixels may not fit,
 * a warning is logged and the model is tried.
 */
final class MemoryCheck {
  private static final Logger LOG = LoggerFactory.getLogger(MemoryCheck.class);

  private final CheckpointFolder folder;
  private final Compute compute;
  private final PriorOptions options;
  private final MemoryRule rule;
  private final LongSupplier freeHost;

  private MemoryCheck(
      CheckpointFolder folder,
      Compute compute,
      PriorOptions options,
      MemoryRule rule,
      LongSupplier freeHost) {
    this.folder = folder;
    this.compute = compute;
    this.options = options;
    this.rule = rule;
    this.freeHost = freeHost;
  }

  /**
   * The plan for the memory of {@code compute}'s device.
   *
   * @throws DeviceException if the model cannot fit
   */
  static MemoryPlan plan(
      CheckpointFolder folder, Compute compute, PriorOptions options, MemoryRule rule) {
    if (!compute.hasData()) {
      return MemoryPlan.unchecked(options.slots());
    }
    return plan(
        folder,
        compute,
        options,
        rule,
        () -> {
          if (!compute.isCuda()) {
            return HostMemory.free();
          }
          compute.releaseCachedMemory();
          return free(compute.freeDeviceMemory(), compute.totalDeviceMemory(), rule.pool());
        },
        () -> HostMemory.free().orElse(Long.MAX_VALUE));
  }

  /**
   * The plan by a rule.
   *
   * @param free finds the bytes that are free; empty if unknown, which passes
   * @param freeHost finds the free bytes of host memory
   */
  static MemoryPlan plan(
      CheckpointFolder folder,
      Compute compute,
      PriorOptions options,
      MemoryRule rule,
      Supplier<OptionalLong> free,
      LongSupplier freeHost) {
    if (!rule.check()) {
      LOG.info("The memory for the model is not checked");
    }
    OptionalLong available = rule.check() ? free.get() : OptionalLong.empty();
    if (rule.budgetBytes() > 0) {
      available = OptionalLong.of(Math.min(rule.budgetBytes(), available.orElse(Long.MAX_VALUE)));
    }
    if (available.isEmpty()) {
      return MemoryPlan.unchecked(options.slots());
    }
    return new MemoryCheck(folder, compute, options, rule, freeHost).plan(available.getAsLong());
  }

  /** What is free now, but no more than another library's pool will leave. */
  static OptionalLong free(OptionalLong free, OptionalLong total, GpuPool pool) {
    return pool == null || free.isEmpty() || total.isEmpty()
        ? free
        : OptionalLong.of(Math.min(free.getAsLong(), pool.leaves(total.getAsLong())));
  }

  private MemoryPlan plan(long available) {
    MemoryNeed need;
    try {
      need = MemoryNeed.of(folder, compute, options);
    } catch (RuntimeException e) {
      // Loading reports why the networks cannot be built.
      LOG.debug("Cannot determine the memory for {}: {}", folder.root(), e.toString());
      return MemoryPlan.unchecked(options.slots());
    }
    Optional<MemoryPlan> found = MemoryPlan.choose(need, available, hostMemory());
    if (found.isEmpty()) {
      if (rule.check()) {
        throw new DeviceException(refusal(need, available));
      }
      return MemoryPlan.unchecked(options.slots());
    }
    MemoryPlan plan = found.get();
    LOG.info("Memory plan for {}: {}", compute.device(), plan);
    if (!plan.fits()) {
      LOG.warn(
          "{} on {}: its weights and edits of {} pixels need about {} GB, and {} GB of memory is"
              + " {}. {}",
          folder.root(),
          compute.device(),
          WorkingMemory.MEDIUM,
          gigabytes(plan.weightBytes() + plan.editBytes()),
          gigabytes(available),
          word(),
          compute.isCuda()
              ? "Fewer rows are then edited together, and large images may fail with OUT_OF_MEMORY."
                  + advice()
              : "The system may end the process");
    }
    return plan;
  }

  /**
   * Bytes for weights that take turns on a GPU. On a CPU turns save nothing, because host and
   * device are the same memory; there a budget is for trials, and its weights take turns at will.
   */
  private long hostMemory() {
    if (compute.isCuda()) {
      return freeHost.getAsLong();
    }
    return rule.budgetBytes() > 0 ? Long.MAX_VALUE : -1;
  }

  private String refusal(MemoryNeed need, long available) {
    String start =
        String.format(
            Locale.ROOT,
            "Cannot load model %s on %s: its weights need %s GB in %s, the smallest edit (%s"
                + " pixels) %s GB more, and %s GB of memory is %s. ",
            folder.root(),
            compute.device(),
            gigabytes(need.resident()),
            name(),
            WorkingMemory.SMALL,
            gigabytes(need.small().counted()),
            gigabytes(available),
            word());
    if (!compute.isCuda()) {
      return start
          + "In a container this is its limit less the memory in use. Give the container or the"
          + " machine more memory, run fewer executors on it, or use a GPU. --memory-check off loads it"
          + " in any case";
    }
    return start
        + turns(need)
        + "Other processes on the GPU and the pool of Spark RAPIDS"
        + " (spark.rapids.memory.gpu.allocFraction) take the rest. Free memory there,"
        + " or use a GPU with more memory."
        + advice()
        + " --memory-check off loads it in any case";
  }

  /** What the smallest plan would need. */
  private String turns(MemoryNeed need) {
    long host = hostMemory();
    return need.host() <= host
        ? String.format(
            Locale.ROOT,
            "With prior and transformer in turns, weights and edit need %s GB. ",
            gigabytes(need.inTurns() + need.small().countedInPhases()))
        : String.format(
            Locale.ROOT,
            "Prior and transformer cannot take turns: that needs %s GB of host memory, and %s GB is"
                + " free. ",
            gigabytes(need.host()),
            gigabytes(host));
  }

  /** Precisions that need less; each changes images, so that none is chosen unasked. */
  private String advice() {
    return compute.precision() == Precision.AUTO
        ? " --precision prior-int8 needs less memory on every GPU, fp8 still less on a GPU that has"
            + " it; both change images slightly."
        : "";
  }

  private String word() {
    return rule.budgetBytes() > 0 ? "free within --gpu-memory" : "free";
  }

  private String name() {
    return switch (compute.precision()) {
      case FP8 -> "fp8";
      case PRIOR_INT8 -> "prior-int8";
      case AUTO -> compute.dtype() == ScalarType.Float ? "float32" : "bfloat16";
    };
  }
}
