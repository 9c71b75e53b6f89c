package io.glmimage.job;

import io.glmimage.spark.engine.SoakEngines;
import java.util.List;

/** The command line over {@link SoakEngines}, as a separate process. */
public final class SoakJob {
  private SoakJob() {}

  public static void main(String[] args) {
    int code = EditImagesJob.run(List.of(args), SoakEngines::new, System.out, System.err, false);
    if (code != 0) {
      System.exit(code);
    }
  }
}
