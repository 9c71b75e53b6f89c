package io.glmimage.spark.engine;

import io.glmimage.error.JobException;
import io.glmimage.io.Storage;
import io.glmimage.predict.EditEngine;
import io.glmimage.predict.EngineObserver;
import io.glmimage.predict.LoadedModels;
import io.glmimage.tensor.DeviceName;
import io.glmimage.weights.LoadProgress;
import java.util.function.Function;

/**
 * The engines of an executor's tasks: {@link LoadedModels} with the failures that a job reports.
 * The engines stay loaded until the process ends, or until {@link #closeAll}.
 */
public final class ExecutorEngines {
  private ExecutorEngines() {}

  /**
   * Loads the engine if necessary, and runs {@code work} with it, alone.
   *
   * @throws JobException if the engine cannot be loaded, now or earlier in this process
   */
  static <T> T use(
      EngineOpener opener,
      DeviceName device,
      Storage storage,
      EngineObserver observer,
      Function<EditEngine, T> work) {
    return LoadedModels.ofProcess()
        .use(
            new LoadedModels.Key(opener.sharedModel(), device),
            new Opening(opener, device, storage),
            observer,
            work);
  }

  /**
   * A caller that adds rows to the engine's queue.
   *
   * @param failures receives failures of the engine
   * @param coming as for {@link LoadedModels.Client#coming}
   * @throws JobException if the engine cannot be loaded, now or earlier in this process
   */
  static LoadedModels.Client client(
      EngineOpener opener,
      DeviceName device,
      Storage storage,
      EngineObserver observer,
      LoadedModels.FailureReceiver failures,
      int coming) {
    return LoadedModels.ofProcess()
        .client(
            new LoadedModels.Key(opener.sharedModel(), device),
            new Opening(opener, device, storage),
            observer,
            failures,
            coming);
  }

  /** The number of engines that are loaded now. */
  static int loaded() {
    return LoadedModels.ofProcess().loaded();
  }

  /** Closes all engines; the next use loads again, even if the load had failed. */
  public static void closeAll() {
    LoadedModels.ofProcess().closeAll();
  }

  /** A load by a task. Two are equal if they load the same model in the same way. */
  private static final class Opening implements LoadedModels.Opener {
    private final EngineOpener opener;
    private final DeviceName device;
    private final Storage storage;

    Opening(EngineOpener opener, DeviceName device, Storage storage) {
      this.opener = opener;
      this.device = device;
      this.storage = storage;
    }

    @Override
    public EditEngine open(LoadProgress progress) {
      try {
        return opener.open(device, storage, progress);
      } catch (RuntimeException | LinkageError e) {
        String message = e.getMessage() == null ? e.toString() : e.getMessage();
        throw new JobException(
            message.startsWith("Cannot load")
                ? message
                : "Cannot load model " + opener.modelName() + " on " + device + ": " + message,
            e);
      }
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Opening that
          && opener.equals(that.opener)
          && device.equals(that.device);
    }

    @Override
    public int hashCode() {
      return opener.hashCode();
    }
  }
}
