package io.glmimage.spark.engine;

import io.glmimage.error.DeviceMemoryException;
import io.glmimage.error.ErrorClass;
import io.glmimage.error.GlmImageException;
import io.glmimage.error.InvalidRequestException;
import io.glmimage.error.JobException;
import io.glmimage.error.LostDeviceException;
import io.glmimage.io.Storage;
import io.glmimage.predict.EngineObserver;
import io.glmimage.predict.LoadedModels;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import io.glmimage.tensor.DeviceName;
import java.util.List;
import java.util.function.Consumer;

/**
 * The rows of one task in an engine of this process. The engine edits the rows of all its tasks in
 * the order of their arrival. Any thread may add rows.
 */
public final class EngineRows implements RowEngine {
  private final LoadedModels.Client client;

  private EngineRows(LoadedModels.Client client) {
    this.client = client;
  }

  /**
   * Waits for the engine, without counting.
   *
   * @param failures as for the other method
   * @throws JobException if the engine cannot be loaded
   */
  public static EngineRows open(
      EngineOpener opener,
      DeviceName device,
      Storage storage,
      int coming,
      Consumer<GlmImageException> failures) {
    return open(opener, device, storage, EngineObserver.NONE, coming, failures);
  }

  /**
   * Waits for the engine.
   *
   * @param loads counts loaded bytes; may be null together with {@code engines}
   * @param engines counts how the engine spends its time
   * @param coming as for {@link #coming}
   * @param failures receives the failure of the engine as a whole, such as a {@link
   *     LostDeviceException}; must not throw. On a cluster, the executor ends if its device is lost
   * @throws JobException if the engine cannot be loaded
   */
  public static EngineRows open(
      EngineOpener opener,
      DeviceName device,
      Storage storage,
      LoadCounters loads,
      EngineCounters engines,
      int coming,
      Consumer<GlmImageException> failures) {
    EngineObserver observer =
        engines == null ? EngineObserver.NONE : new TaskObserver(loads, engines);
    return open(opener, device, storage, observer, coming, failures);
  }

  private static EngineRows open(
      EngineOpener opener,
      DeviceName device,
      Storage storage,
      EngineObserver observer,
      int coming,
      Consumer<GlmImageException> failures) {
    return new EngineRows(
        ExecutorEngines.client(
            opener,
            device,
            storage,
            observer,
            (engine, ids, failure) -> failures.accept(failed(engine, ids, failure)),
            coming));
  }

  /** The failure to report. Ends the executor if its device is lost. */
  private static GlmImageException failed(String engine, List<String> ids, Throwable failure) {
    if (failure instanceof LostDeviceException lost) {
      LostDevice.endExecutor(lost);
      // Instead of the exception: users are shown the innermost one.
      return new LostDeviceException(
          lost.getMessage()
              + ". Finished rows are kept: run the same command again. Rows in work: "
              + ids,
          lost.getCause());
    }
    return new JobException(
        "Cannot edit rows " + ids + " with " + engine + ": " + failure, failure);
  }

  @Override
  public void edit(EditRequest request, Edited receiver) {
    client.edit(
        request,
        (result, seconds) -> {
          double reported =
              result.priorSeconds() + result.denoiseSeconds() + result.decodeSeconds();
          // The first row of several would otherwise have the time of the others' prior tokens.
          receiver.edited(result, reported > 0 ? reported : seconds);
        });
  }

  @Override
  public void coming(int rows) {
    client.coming(rows);
  }

  @Override
  public void close() {
    client.close();
  }

  /** The class of a failure. */
  public static ErrorClass errorClass(EditResult failed) {
    RuntimeException error = failed.error();
    return error instanceof InvalidRequestException
        ? ErrorClass.REQUEST_REFUSED
        : error instanceof DeviceMemoryException
            ? ErrorClass.OUT_OF_MEMORY
            : ErrorClass.MODEL_ERROR;
  }

  /** The reason for a failure. */
  public static String why(EditResult failed) {
    RuntimeException error = failed.error();
    boolean explained = error instanceof GlmImageException && error.getMessage() != null;
    return explained ? error.getMessage() : error.toString();
  }
}
