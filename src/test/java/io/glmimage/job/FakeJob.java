package io.glmimage.job;

import io.glmimage.spark.engine.EngineOptions;
import io.glmimage.spark.engine.FakeEngines;
import io.glmimage.spark.engine.HaltingEngines;
import io.glmimage.spark.engine.ModelRef;
import java.util.List;

/** The command line with {@link FakeEngines}, in a separate process that tests can kill. */
public final class FakeJob {
  /** System property: the number of rows after which the process is halted. */
  static final String HALT_AFTER_EDITS = "fake.halt.after.edits";

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
}
