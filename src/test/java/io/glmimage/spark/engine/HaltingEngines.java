package io.glmimage.spark.engine;

import io.glmimage.io.Storage;
import io.glmimage.predict.EditEngine;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import io.glmimage.tensor.DeviceName;
import io.glmimage.weights.LoadProgress;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Fake engines that halt the process once it has edited {@code edits} rows, before the results of
 * the last batch are returned.
 */
public record HaltingEngines(FakeEngines fake, int edits) implements PresentModel {
  /** Exit code of a process that was halted. */
  public static final int HALTED = 137;

  private static final AtomicInteger EDITED = new AtomicInteger();

  @Override
  public EditEngine open(DeviceName device, Storage storage, LoadProgress progress) {
    return new ForwardingEngine(fake.open(device, storage, progress)) {
      @Override
      public List<EditResult> edit(List<EditRequest> requests) {
        List<EditResult> results = super.edit(requests);
        if (EDITED.addAndGet(requests.size()) >= edits) {
          Runtime.getRuntime().halt(HALTED);
        }
        return results;
      }
    };
  }

  @Override
  public String modelName() {
    return fake.modelName();
  }

  @Override
  public String fingerprint(Storage storage) {
    return fake.fingerprint(storage);
  }

  @Override
  public void check(Storage storage) {
    fake.check(storage);
  }
}
