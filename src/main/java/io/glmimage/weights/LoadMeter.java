package io.glmimage.weights;

import io.glmimage.error.CheckpointException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** Counts the loaded bytes of a checkpoint, over all components. */
final class LoadMeter {
  static final LoadMeter NONE = new LoadMeter(LoadProgress.NONE, 0);

  private final LoadProgress progress;
  private final long total;
  private long loaded;

  private LoadMeter(LoadProgress progress, long total) {
    this.progress = progress;
    this.total = total;
  }

  /** A meter for the weight files in {@code root} and in the folders directly below. */
  static LoadMeter of(Path root, LoadProgress progress) {
    long total = 0;
    try (Stream<Path> files = Files.walk(root, 2)) {
      for (Path file : files.filter(f -> f.toString().endsWith(".safetensors")).toList()) {
        total += Files.size(file);
      }
    } catch (IOException e) {
      throw new CheckpointException("Cannot load model: cannot read " + root + ": " + e, e);
    }
    return new LoadMeter(progress, total);
  }

  /**
   * Adds the bytes of a loaded tensor. A tensor that is loaded twice counts twice, up to the total.
   */
  synchronized void add(long bytes) {
    loaded = Math.min(total, loaded + bytes);
    progress.loaded(loaded, total);
  }

  /** Ends the loading. Headers and unused tensors, which are in the total, are never loaded. */
  synchronized void end() {
    loaded = total;
    progress.loaded(loaded, total);
  }
}
