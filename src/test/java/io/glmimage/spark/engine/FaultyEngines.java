package io.glmimage.spark.engine;

import io.glmimage.io.Storage;
import io.glmimage.pipeline.DeviceFault;
import io.glmimage.pipeline.FaultyEngine;
import io.glmimage.predict.EditEngine;
import io.glmimage.tensor.DeviceName;
import io.glmimage.weights.LoadProgress;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/**
 * The embedded model, on a device that has a fault at one row.
 *
 * @param mark a file that notes that the fault has happened, so that it does not happen again;
 *     empty for a fault that happens whenever the row is edited
 * @param silenceSeconds the time without progress after which the device is lost
 */
public record FaultyEngines(DeviceFault fault, String row, String mark, int silenceSeconds)
    implements PresentModel {
  @Override
  public EditEngine open(DeviceName device, Storage storage, LoadProgress progress) {
    try {
      return new FaultyEngine(
          ModelFolder.embedded(), device, fault, this::hits, Duration.ofSeconds(silenceSeconds));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private boolean hits(String id) {
    if (!id.equals(row)) {
      return false;
    }
    try {
      if (!mark.isEmpty()) {
        Files.createFile(Path.of(mark));
      }
      return true;
    } catch (FileAlreadyExistsException e) {
      return false;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public String modelName() {
    return EngineOptions.EMBEDDED_MODEL;
  }

  @Override
  public String fingerprint(Storage storage) {
    return modelName();
  }

  @Override
  public void check(Storage storage) {}
}
