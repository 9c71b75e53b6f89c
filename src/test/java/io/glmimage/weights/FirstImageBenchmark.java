package io.glmimage.weights;

import io.glmimage.image.RgbImage;
import io.glmimage.predict.EngineSettings;
import io.glmimage.predict.GlmImageEngine;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import io.glmimage.tensor.DeviceName;
import io.glmimage.tensor.Libtorch;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/**
 * Measures the time from the start of the JVM to a loaded checkpoint and to the first edited image.
 *
 * <p>Arguments: the checkpoint, the device, and optionally the image's side in pixels (512) and the
 * steps (4).
 */
public final class FirstImageBenchmark {
  private FirstImageBenchmark() {}

  public static void main(String[] args) throws IOException {
    Path model = Path.of(args[0]);
    int side = args.length > 2 ? Integer.parseInt(args[2]) : 512;
    int steps = args.length > 3 ? Integer.parseInt(args[3]) : 4;
    long[] total = new long[1];
    int[] shown = {-1};
    Libtorch.load();
    double ready = sinceStart();
    long start = System.nanoTime();
    try (GlmImageEngine engine =
        GlmImageEngine.load(
            model,
            List.of(),
            EngineSettings.of(DeviceName.parse(args[1])),
            (loaded, all) -> {
              total[0] = all;
              int percent = (int) (loaded * 100 / all);
              if (percent >= shown[0] + 10) {
                shown[0] = percent;
                System.out.printf(Locale.ROOT, "%6.1f s  %d %%%n", sinceStart(), percent);
              }
            })) {
      Libtorch.synchronize();
      double load = (System.nanoTime() - start) / 1e9;
      byte[] pixels = new byte[side * side * 3];
      for (int i = 0; i < pixels.length; i++) {
        pixels[i] = (byte) ((i * 31) >> 5);
      }
      EditRequest request =
          new EditRequest(
              "a",
              "make the circle green",
              List.of(new RgbImage(side, side, pixels)),
              side,
              side,
              steps,
              1.5,
              0);
      start = System.nanoTime();
      EditResult first = engine.edit(List.of(request)).get(0);
      double edit = (System.nanoTime() - start) / 1e9;
      if (!first.ok()) {
        throw first.error();
      }
      double image = sinceStart();
      start = System.nanoTime();
      EditResult again = engine.edit(List.of(request)).get(0);
      System.out.printf(
          Locale.ROOT,
          "BENCH device=%s GB=%.2f libtorch-ready-s=%.1f load-s=%.1f MB/s=%.0f first-edit-s=%.1f"
              + " (prior %.1f, denoise %.1f, decode %.1f) start-to-image-s=%.1f second-edit-s=%.1f"
              + " size=%dx%d steps=%d gpu-GB=%.1f%n",
          engine.description(),
          total[0] / 1e9,
          ready,
          load,
          total[0] / load / 1e6,
          edit,
          first.priorSeconds(),
          first.denoiseSeconds(),
          first.decodeSeconds(),
          image,
          (System.nanoTime() - start) / 1e9,
          again.image().width(),
          again.image().height(),
          steps,
          Libtorch.gpuMemoryInUse() / 1e9);
    }
  }

  private static double sinceStart() {
    return (System.currentTimeMillis() - ManagementFactory.getRuntimeMXBean().getStartTime()) / 1e3;
  }
}
