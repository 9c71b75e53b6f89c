package io.glmimage.pipeline;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/** What this process holds, sampled as its work goes on. */
final class ProcessSamples {
  /** The columns of a line, after the work that was done. */
  static final String HEADING = "device MB  resident MB  handles  threads";

  private final String unit;
  private final List<double[]> samples = new ArrayList<>();

  /**
   * @param unit of work, such as {@code edits}
   */
  ProcessSamples(String unit) {
    this.unit = unit;
  }

  /** Adds a sample. Returns it as a line's columns. */
  String add(long done, long deviceBytes) throws IOException {
    double[] sample = {
      done, deviceBytes / 1e6, status("VmRSS:") * 1024 / 1e6, handles(), status("Threads:")
    };
    samples.add(sample);
    return String.format(
        Locale.ROOT, "%9.1f  %11.1f  %7.0f  %7.0f", sample[1], sample[2], sample[3], sample[4]);
  }

  /** The slopes over the second half. */
  String slopes() {
    return String.format(
        Locale.ROOT,
        "slopes per 1,000 %s over the second half: device %.2f MB, resident %.2f MB, handles %.2f,"
            + " threads %.2f",
        unit,
        slope(1),
        slope(2),
        slope(3),
        slope(4));
  }

  private static double handles() throws IOException {
    try (Stream<Path> open = Files.list(Path.of("/proc/self/fd"))) {
      return open.count();
    }
  }

  private static double status(String key) throws IOException {
    return Files.readAllLines(Path.of("/proc/self/status")).stream()
        .filter(line -> line.startsWith(key))
        .mapToDouble(line -> Double.parseDouble(line.replaceAll("[^0-9]", "")))
        .findFirst()
        .orElseThrow();
  }

  /** Slope of a value per 1,000 units of work, by least squares. */
  private double slope(int column) {
    List<double[]> half = samples.subList(samples.size() / 2, samples.size());
    double n = half.size();
    double x = half.stream().mapToDouble(s -> s[0]).sum() / n;
    double y = half.stream().mapToDouble(s -> s[column]).sum() / n;
    double xy = half.stream().mapToDouble(s -> (s[0] - x) * (s[column] - y)).sum();
    double xx = half.stream().mapToDouble(s -> (s[0] - x) * (s[0] - x)).sum();
    return 1000 * xy / xx;
  }
}
