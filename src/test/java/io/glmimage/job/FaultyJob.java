package io.glmimage.job;

import io.glmimage.pipeline.DeviceFault;
import io.glmimage.spark.engine.FaultyEngines;
import java.util.List;

/**
 * The command line with {@link FaultyEngines}. System properties: {@code fault} (a {@link
 * DeviceFault}), {@code fault.row} (the id of the row that meets it), {@code fault.mark} (see
 * {@link FaultyEngines}) and {@code fault.silence} (seconds).
 */
public final class FaultyJob {
  private FaultyJob() {}

  public static void main(String[] args) {
    FaultyEngines engines =
        new FaultyEngines(
            DeviceFault.valueOf(System.getProperty("fault", DeviceFault.NONE.name())),
            System.getProperty("fault.row", ""),
            System.getProperty("fault.mark", ""),
            Integer.getInteger("fault.silence", 20));
    System.exit(
        EditImagesJob.run(List.of(args), options -> engines, System.out, System.err, false));
  }
}
