package io.glmimage.job;

import io.glmimage.spark.engine.FakeEngines;
import java.util.List;

/** The command line over {@link FakeEngines}, as a process of its own that tests can kill. */
public final class FakeJob {
  private FakeJob() {}

  public static void main(String[] args) {
    int code = EditImagesJob.run(List.of(args), FakeEngines::new, System.out, System.err, false);
    if (code != 0) {
      System.exit(code);
    }
  }
}
