package io.glmimage.bench;

import io.glmimage.tensor.Libtorch;
import io.glmimage.tensor.TensorScope;
import java.util.ArrayList;
import java.util.List;

/** Wall-clock times of work on the device, in seconds. */
final class Timing {
  private Timing() {}

  /** The median of several runs; one run before them is not counted. */
  static double median(Runnable work, int repeats) {
    List<Double> times = new ArrayList<>();
    for (int i = -1; i < repeats; i++) {
      Libtorch.synchronize();
      long start = System.nanoTime();
      try (TensorScope scope = new TensorScope()) {
        work.run();
        Libtorch.synchronize();
      }
      if (i >= 0) {
        times.add(secondsSince(start));
      }
    }
    return median(times);
  }

  /** The median; the upper one of an even number. */
  static double median(List<Double> times) {
    double[] sorted = times.stream().mapToDouble(Double::doubleValue).sorted().toArray();
    return sorted[sorted.length / 2];
  }

  static double secondsSince(long start) {
    return (System.nanoTime() - start) / 1e9;
  }
}
