package io.glmimage.spark.engine;

import io.glmimage.error.DeviceMemoryException;
import io.glmimage.error.ErrorClass;
import io.glmimage.error.InvalidRequestException;
import io.glmimage.error.JobException;
import io.glmimage.io.Storage;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import java.util.List;

/**
 * One batch through this process' engine.
 *
 * @param results one for each request, in their order
 * @param seconds in the engine, without waiting for the turn
 */
public record EngineCall(List<EditResult> results, double seconds) {
  /**
   * Waits for the engine and edits.
   *
   * @param counters are told of the loading; null where nobody asks
   * @param times are told how the engine spends its time; null where nobody asks
   * @throws JobException if the engine cannot be loaded, or fails on the batch as a whole
   */
  public static EngineCall edit(
      EngineFactory engines,
      String device,
      Storage storage,
      LoadCounters counters,
      EngineCounters times,
      List<EditRequest> requests) {
    return ExecutorEngines.use(
        engines,
        device,
        storage,
        counters,
        times,
        engine -> {
          List<String> ids = requests.stream().map(EditRequest::id).toList();
          long start = System.nanoTime();
          List<EditResult> results;
          try {
            results = engine.editInHalves(requests);
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
        });
  }

  /** What kind of failure it is. */
  public static ErrorClass errorClass(EditResult failed) {
    RuntimeException error = failed.error();
    return error instanceof InvalidRequestException
        ? ErrorClass.REQUEST_REFUSED
        : error instanceof DeviceMemoryException
            ? ErrorClass.OUT_OF_MEMORY
            : ErrorClass.MODEL_ERROR;
  }

  /** Why there is no picture. */
  public static String why(EditResult failed) {
    RuntimeException error = failed.error();
    boolean told = errorClass(failed) != ErrorClass.MODEL_ERROR && error.getMessage() != null;
    return told ? error.getMessage() : error.toString();
  }
}
