package io.glmimage.job;

import io.glmimage.error.CheckpointException;
import io.glmimage.io.FileSource;
import io.glmimage.io.LocalFileSource;
import io.glmimage.io.Storage;
import io.glmimage.pipeline.CheckpointInspector;
import io.glmimage.pipeline.CheckpointReport;
import io.glmimage.weights.CheckpointForm;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Pattern;

/** Inspects a model folder wherever it is. */
final class ModelInspection {
  private static final Pattern SCHEME = Pattern.compile("[A-Za-z][A-Za-z0-9+.-]+:.*");

  private ModelInspection() {}

  /** Whether a location is a path of this machine, for which no Spark session is needed. */
  static boolean isLocal(String location) {
    return !SCHEME.matcher(location).matches();
  }

  /**
   * @param location a local path
   * @throws CheckpointException if there is no such folder
   * @throws IOException if it cannot be read
   */
  static CheckpointReport ofLocal(String location) throws IOException {
    Path folder = Path.of(location);
    if (!Files.isDirectory(folder)) {
      throw missing(location);
    }
    return CheckpointInspector.inspect(new LocalFileSource(folder));
  }

  /**
   * @param location a folder of any file system
   * @throws CheckpointException if there is no such folder
   * @throws IOException if it cannot be read
   */
  static CheckpointReport of(String location, Storage storage) throws IOException {
    FileSource source;
    try {
      source = storage.checkpoint(location);
    } catch (FileNotFoundException e) {
      throw missing(location);
    }
    return CheckpointInspector.inspect(source);
  }

  private static CheckpointException missing(String location) {
    return new CheckpointException(
        "Cannot load model: "
            + CheckpointForm.hubId(location).orElse("there is no folder " + location));
  }
}
