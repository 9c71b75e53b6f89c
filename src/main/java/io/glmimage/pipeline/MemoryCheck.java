package io.glmimage.pipeline;

import io.glmimage.error.DeviceException;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.GpuPool;
import io.glmimage.tensor.HostMemory;
import io.glmimage.tensor.MemoryRule;
import io.glmimage.tensor.Precision;
import io.glmimage.weights.CheckpointFolder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.OptionalLong;
import java.util.stream.Stream;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Refuses a model whose weights alone exceed the memory that is free, before anything is loaded.
 * Otherwise the system would end the process without a message. Working memory is not counted: a
 * model that may fit is tried.
 */
final class MemoryCheck {
  private static final Logger LOG = LoggerFactory.getLogger(MemoryCheck.class);

  /**
   * Weights in memory take at most this many times the bytes of their files: float32 of bfloat16.
   */
  private static final int LARGEST_GROWTH = 2;

  private final CheckpointFolder folder;
  private final Compute compute;

  private MemoryCheck(CheckpointFolder folder, Compute compute) {
    this.folder = folder;
    this.compute = compute;
  }

  /**
   * Checks the memory of {@code compute}'s device.
   *
   * @throws DeviceException if the weights cannot fit
   */
  static void check(CheckpointFolder folder, Compute compute, MemoryRule rule) {
    if (!rule.check()) {
      LOG.info("The memory for the model is not checked");
    } else if (compute.isCuda()) {
      compute.releaseCachedMemory();
      check(
          folder,
          compute,
          free(compute.freeDeviceMemory(), compute.totalDeviceMemory(), rule.pool()));
    } else if (compute.device().equals(Compute.cpu().device())) {
      check(folder, compute, HostMemory.free());
    }
  }

  /** What is free now, but no more than another library's pool will leave. */
  static OptionalLong free(OptionalLong free, OptionalLong total, GpuPool pool) {
    return pool == null || free.isEmpty() || total.isEmpty()
        ? free
        : OptionalLong.of(Math.min(free.getAsLong(), pool.leaves(total.getAsLong())));
  }

  /**
   * Checks the memory against what is free.
   *
   * @param free bytes; empty if unknown, which passes
   */
  static void check(CheckpointFolder folder, Compute compute, OptionalLong free) {
    if (free.isEmpty() || storedBytes(folder.root()) * LARGEST_GROWTH <= free.getAsLong()) {
      return;
    }
    MemoryCheck check = new MemoryCheck(folder, compute);
    long needed = check.needed(Compute.meta(compute.dtype()).withPrecision(compute.precision()));
    if (needed > free.getAsLong()) {
      throw new DeviceException(check.message(needed, free.getAsLong()));
    }
  }

  private String message(long needed, long free) {
    String start =
        String.format(
            Locale.ROOT,
            "Cannot load model %s on %s: its weights need %.1f GB in %s, and %.1f GB of memory is"
                + " free. ",
            folder.root(),
            compute.device(),
            needed / 1e9,
            name(),
            free / 1e9);
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

  private String name() {
    if (compute.precision() == Precision.FP8) {
      return "fp8";
    }
    return compute.dtype() == ScalarType.Float ? "float32" : "bfloat16";
  }

  /** Bytes of all networks' weights, found by building them without data. */
  private long needed(Compute meta) {
    return Network.all(meta).stream().mapToLong(this::bytes).sum();
  }

  /** A part that cannot be built counts nothing here: loading it reports why. */
  private long bytes(Network network) {
    CheckpointFolder headers =
        CheckpointFolder.openForInspection(folder.root(), problem -> {}, warning -> {});
    try (AutoCloseable built = network.load().apply(headers)) {
      return headers.ownedBytes(network.name());
    } catch (Exception e) {
      LOG.debug("Cannot determine the memory of {}: {}", network.name(), e.toString());
      return 0;
    }
  }

  /** Bytes of all weight files; 0 if they cannot be listed, which loading reports. */
  private static long storedBytes(Path root) {
    try (Stream<Path> files = Files.walk(root, 2, FileVisitOption.FOLLOW_LINKS)) {
      long bytes = 0;
      for (Path file : (Iterable<Path>) files::iterator) {
        bytes += file.toString().endsWith(".safetensors") ? Files.size(file) : 0;
      }
      return bytes;
    } catch (IOException | UncheckedIOException e) {
      LOG.debug("Cannot list the weights of {}: {}", root, e.toString());
      return 0;
    }
  }
}
