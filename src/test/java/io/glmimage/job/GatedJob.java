package io.glmimage.job;

import io.glmimage.spark.engine.GatedEngines;
import java.util.List;

/** The command line over {@link GatedEngines}, as a separate process. */
public final class GatedJob {
  private GatedJob() {}

  public static void main(String[] args) {
    int code = EditImagesJob.run(List.of(args), GatedEngines::new, System.out, System.err, false);
    if (code != 0) {
      System.exit(code);
    }
  }
}
