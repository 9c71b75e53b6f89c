package io.glmimage.weights;

import io.glmimage.error.CheckpointException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** Counts the bytes of a checkpoint that have been loaded, over all its components. */
final class LoadMeter {
  static final LoadMeter NONE = new LoadMeter(LoadProgress.NONE, 0);

  private final LoadProgress progress;
  private final long total;
  private long loaded;

  private LoadMeter(LoadProgress progress, long total) {
    this.progress = progress;
    this.total = total;
  }

  /** For the weight files in the folders directly below {@code root}. */
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

  /** A tensor of so many bytes is there; one that is taken twice counts twice, within the total. */
  synchronized void add(long bytes) {
    loaded = Math.min(total, loaded + bytes);
    progress.loaded(loaded, total);
  }
}
