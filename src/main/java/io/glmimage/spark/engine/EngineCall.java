package io.glmimage.spark.engine;

import io.glmimage.error.DeviceMemoryException;
import io.glmimage.error.ErrorClass;
import io.glmimage.error.GlmImageException;
import io.glmimage.error.InvalidRequestException;
import io.glmimage.error.JobException;
import io.glmimage.error.LostDeviceException;
import io.glmimage.io.Storage;
import io.glmimage.predict.EditEngine;
import io.glmimage.predict.EngineObserver;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import io.glmimage.tensor.DeviceName;
import java.util.List;

/**
 * One batch through an engine of this process.
 *
 * @param results one for each request, in their order
 * @param seconds time in the engine, without waiting for the turn
 */
public record EngineCall(List<EditResult> results, double seconds) {
  /**
   * Waits for the engine and edits, without counting.
   *
   * @throws JobException if the engine cannot be loaded, or fails on the batch as a whole
   * @throws LostDeviceException if the device is lost; on a cluster, the executor ends instead
   */
  public static EngineCall edit(
      EngineOpener opener, DeviceName device, Storage storage, List<EditRequest> requests) {
    return edit(opener, device, storage, EngineObserver.NONE, requests);
  }

  /**
   * Waits for the engine and edits.
   *
   * @param loads counts loaded bytes; may be null together with {@code engines}
   * @param engines counts how the engine spends its time
   * @throws JobException if the engine cannot be loaded, or fails on the batch as a whole
   * @throws LostDeviceException if the device is lost; on a cluster, the executor ends instead
   */
  public static EngineCall edit(
      EngineOpener opener,
      DeviceName device,
      Storage storage,
      LoadCounters loads,
      EngineCounters engines,
      List<EditRequest> requests) {
    EngineObserver observer =
        engines == null ? EngineObserver.NONE : new TaskObserver(loads, engines);
    return edit(opener, device, storage, observer, requests);
  }

  private static EngineCall edit(
      EngineOpener opener,
      DeviceName device,
      Storage storage,
      EngineObserver observer,
      List<EditRequest> requests) {
    return ExecutorEngines.use(opener, device, storage, observer, engine -> edit(engine, requests));
  }

  private static EngineCall edit(EditEngine engine, List<EditRequest> requests) {
    List<String> ids = requests.stream().map(EditRequest::id).toList();
    long start = System.nanoTime();
    List<EditResult> results;
    try {
      results = engine.edit(requests);
    } catch (LostDeviceException e) {
      LostDevice.endExecutor(e);
      // Instead of the exception: users are shown the innermost one.
      throw new LostDeviceException(
          e.getMessage()
              + ". Finished rows are kept: run the same command again. Rows in work: "
              + ids,
          e.getCause());
    } catch (RuntimeException e) {
      throw new JobException(
          "Cannot edit rows " + ids + " with " + engine.description() + ": " + e, e);
    }
    if (results.size() != requests.size()) {
      throw new JobException(
          "Cannot edit rows "
              + ids
              + ": "
              + engine.description()
              + " gave "
              + results.size()
              + " results");
    }
    return new EngineCall(results, (System.nanoTime() - start) / 1e9);
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
