package io.glmimage.pipeline;

import io.glmimage.error.DeviceException;
import io.glmimage.kernel.AtenKernels;
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
import java.util.function.Supplier;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Refuses a model that exceeds the memory that is free, before anything is loaded. Otherwise the
 * system would end the process without a message. What is needed at any rate is counted: the
 * weights, and the large buffers of one edit of {@link WorkingMemory#SMALL} pixels. If edits of
 * {@link WorkingMemory#MEDIUM} pixels may not fit, a warning is logged and the model is tried.
 */
final class MemoryCheck {
  private static final Logger LOG = LoggerFactory.getLogger(MemoryCheck.class);

  private final CheckpointFolder folder;
  private final Compute compute;

  private MemoryCheck(CheckpointFolder folder, Compute compute) {
    this.folder = folder;
    this.compute = compute;
  }

  /**
   * Checks the memory of {@code compute}'s device.
   *
   * @throws DeviceException if the model cannot fit
   */
  static void check(CheckpointFolder folder, Compute compute, MemoryRule rule) {
    if (compute.isCuda()) {
      check(
          folder,
          compute,
          rule,
          () -> {
            compute.releaseCachedMemory();
            return free(compute.freeDeviceMemory(), compute.totalDeviceMemory(), rule.pool());
          });
    } else if (compute.device().equals(Compute.cpu().device())) {
      check(folder, compute, rule, HostMemory::free);
    }
  }

  /**
   * Checks the memory by a rule.
   *
   * @param free finds the bytes that are free; empty if unknown, which passes
   */
  static void check(
      CheckpointFolder folder, Compute compute, MemoryRule rule, Supplier<OptionalLong> free) {
    if (rule.check()) {
      check(folder, compute, free.get());
    } else {
      LOG.info("The memory for the model is not checked");
    }
  }

  /** What is free now, but no more than another library's pool will leave. */
  static OptionalLong free(OptionalLong free, OptionalLong total, GpuPool pool) {
    return pool == null || free.isEmpty() || total.isEmpty()
        ? free
        : OptionalLong.of(Math.min(free.getAsLong(), pool.leaves(total.getAsLong())));
  }

  private static void check(CheckpointFolder folder, Compute compute, OptionalLong free) {
    if (free.isPresent()) {
      new MemoryCheck(folder, compute).check(free.getAsLong());
    }
  }

  /** What a model takes. */
  private record Need(long weights, WorkingMemory small, WorkingMemory medium) {}

  private void check(long free) {
    Optional<Need> found = need();
    if (found.isEmpty()) {
      return;
    }
    Need need = found.get();
    if (need.weights() + need.small().counted() > free) {
      throw new DeviceException(refusal(need, free));
    }
    if (need.weights() + need.medium().bytes() > free) {
      LOG.warn(
          "{} on {}: its weights and edits of {} pixels need about {} GB, and {} GB of memory is"
              + " free. {}",
          folder.root(),
          compute.device(),
          WorkingMemory.MEDIUM,
          gigabytes(need.weights() + need.medium().bytes()),
          gigabytes(free),
          compute.isCuda()
              ? "Fewer rows are then edited together, and large images may fail with OUT_OF_MEMORY"
              : "The system may end the process");
    }
  }

  private String refusal(Need need, long free) {
    String start =
        String.format(
            Locale.ROOT,
            "Cannot load model %s on %s: its weights need %s GB in %s, the smallest edit (%s"
                + " pixels) %s GB more, and %s GB of memory is free. ",
            folder.root(),
            compute.device(),
            gigabytes(need.weights()),
            name(),
            WorkingMemory.SMALL,
            gigabytes(need.small().counted()),
            gigabytes(free));
    if (!compute.isCuda()) {
      return start
          + "In a container this is its limit less the memory in use. Give the container or the"
          + " machine more memory, run fewer executors on it, or use a GPU. --memory-check off loads it"
          + " in any case";
    }
    return start
        + "Other processes on the GPU and the pool of Spark RAPIDS"
        + " (spark.rapids.memory.gpu.allocFraction) take the rest. Free memory there"
        + (compute.precision() == Precision.FP8 ? "" : ", set --precision fp8 if the GPU has it,")
        + " or use a GPU with more memory. --memory-check off loads it in any case";
  }

  private static String gigabytes(long bytes) {
    return String.format(Locale.ROOT, "%.1f", bytes / 1e9);
  }

  private String name() {
    if (compute.precision() == Precision.FP8) {
      return "fp8";
    }
    return compute.dtype() == ScalarType.Float ? "float32" : "bfloat16";
  }

  /** Found by building the networks without data. Empty if one cannot be: loading reports why. */
  private Optional<Need> need() {
    Compute meta = Compute.meta(compute.dtype()).withPrecision(compute.precision());
    CheckpointFolder headers =
        CheckpointFolder.openForInspection(folder.root(), problem -> {}, warning -> {});
    PriorOptions options = PriorOptions.defaults(compute);
    int rows = Math.min(options.slots(), PriorOptions.GPU_ROWS);
    try (Components parts =
        new PipelineLoader(headers, meta, options, new AtenKernels()).loadWithoutProcessor()) {
      long weights =
          Network.all(meta).stream().mapToLong(part -> headers.ownedBytes(part.name())).sum();
      return Optional.of(
          new Need(
              weights,
              WorkingMemory.of(parts, WorkingMemory.SMALL, 1, compute.dtype()),
              WorkingMemory.of(parts, WorkingMemory.MEDIUM, rows, compute.dtype())));
    } catch (RuntimeException e) {
      LOG.debug("Cannot determine the memory for {}: {}", folder.root(), e.toString());
      return Optional.empty();
    }
  }
}
