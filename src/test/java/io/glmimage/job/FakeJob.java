package io.glmimage.job;

import io.glmimage.io.Storage;
import io.glmimage.predict.EditEngine;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import io.glmimage.spark.engine.DistributedEngines;
import io.glmimage.spark.engine.EngineOpener;
import io.glmimage.spark.engine.EngineOptions;
import io.glmimage.spark.engine.FakeEngines;
import io.glmimage.spark.engine.ModelRef;
import io.glmimage.tensor.DeviceName;
import io.glmimage.weights.LoadProgress;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.spark.sql.SparkSession;

/** The command line over {@link FakeEngines}, as a process of its own that tests can kill. */
public final class FakeJob {
  /** System property: number of rows after which the process ends as if it were killed. */
  static final String HALT_AFTER_EDITS = "fake.halt.after.edits";

  /** Exit code of a process that was halted. */
  static final int HALTED = 137;

  private FakeJob() {}

  public static void main(String[] args) {
    int code = EditImagesJob.run(List.of(args), FakeJob::engines, System.out, System.err, false);
    if (code != 0) {
      System.exit(code);
    }
  }

  private static ModelRef engines(EngineOptions options) {
    FakeEngines engines = new FakeEngines(options);
    Integer edits = Integer.getInteger(HALT_AFTER_EDITS);
    return edits == null ? engines : new HaltingEngines(engines, edits);
  }

  /** Engines that end the process after so many rows, before their batch has its results. */
  private record HaltingEngines(FakeEngines fake, int edits) implements ModelRef, EngineOpener {
    private static final AtomicInteger EDITED = new AtomicInteger();

    @Override
    public EditEngine open(DeviceName device, Storage storage, LoadProgress progress) {
      EditEngine engine = fake.open(device, storage, progress);
      return new EditEngine() {
        @Override
        public List<EditResult> edit(List<EditRequest> requests) {
          List<EditResult> results = engine.edit(requests);
          if (EDITED.addAndGet(requests.size()) >= edits) {
            Runtime.getRuntime().halt(HALTED);
          }
          return results;
        }

        @Override
        public String description() {
          return engine.description();
        }

        @Override
        public void close() {
          engine.close();
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

    @Override
    public DistributedEngines distribute(SparkSession spark) {
      return DistributedEngines.ofPresent(this);
    }

    @Override
    public EngineOpener forSession(SparkSession spark) {
      return this;
    }
  }
}
