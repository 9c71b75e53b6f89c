package io.glmimage.bench;

import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Libtorch;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Samples the load of a GPU with {@code nvidia-smi}, five times a second, until {@link #stop}. The
 * program comes with the driver. If it cannot be run, nothing is sampled.
 */
public final class GpuSampler implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(GpuSampler.class);
  private static final int PERIOD_MILLIS = 200;
  private static final int FIELDS = 3;
  private static final long END_SECONDS = 5;

  private final Process process;
  private final Thread reader;
  private final List<double[]> samples = new ArrayList<>();

  /**
   * Means over all samples.
   *
   * @param count number of samples
   * @param busy {@code utilization.gpu}, 0 to 1: the fraction of time in which any kernel of any
   *     process was running, however small
   * @param megahertz clock of the multiprocessors, in MHz
   * @param watts power draw, in W
   */
  public record Means(int count, double busy, double megahertz, double watts) {}

  private GpuSampler(Process process) {
    this.process = process;
    reader = new Thread(this::read, "nvidia-smi");
    reader.setDaemon(true);
    reader.start();
  }

  /**
   * Starts sampling.
   *
   * @param compute a GPU; nothing is sampled for the CPU
   */
  public static GpuSampler start(Compute compute) {
    if (!compute.isCuda()) {
      return new GpuSampler(null);
    }
    return start(
        List.of(
            "nvidia-smi",
            // libtorch and nvidia-smi may number GPUs in different ways.
            "--id=" + Libtorch.gpuBusId(compute.gpuIndex()),
            "--query-gpu=utilization.gpu,clocks.sm,power.draw",
            "--format=csv,noheader,nounits",
            "--loop-ms=" + PERIOD_MILLIS));
  }

  /**
   * Starts sampling with another program.
   *
   * @param command prints one line per sample: the fields of {@link Means} without the count
   */
  static GpuSampler start(List<String> command) {
    try {
      return new GpuSampler(
          new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start());
    } catch (IOException e) {
      LOG.info("GPU load is not sampled: {}", e.getMessage());
      return new GpuSampler(null);
    }
  }

  private void read() {
    if (process == null) {
      return;
    }
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        double[] sample = parse(line);
        if (sample != null) {
          synchronized (samples) {
            samples.add(sample);
          }
        }
      }
    } catch (IOException e) {
      LOG.debug("nvidia-smi ended", e);
    }
  }

  /** The numbers of a line; null if it has no such numbers, as for a GPU without a sensor. */
  private static double[] parse(String line) {
    String[] fields = line.split(",", -1);
    if (fields.length != FIELDS) {
      return null;
    }
    double[] sample = new double[FIELDS];
    for (int i = 0; i < FIELDS; i++) {
      try {
        sample[i] = Double.parseDouble(fields[i].strip());
      } catch (NumberFormatException e) {
        return null;
      }
    }
    return sample;
  }

  /** Number of samples so far. */
  int count() {
    synchronized (samples) {
      return samples.size();
    }
  }

  /**
   * Ends the sampling. Output of the program that has not been read yet is lost.
   *
   * @return the means; null if nothing was sampled
   */
  public Means stop() {
    close();
    synchronized (samples) {
      if (samples.isEmpty()) {
        return null;
      }
      double[] means = new double[FIELDS];
      for (double[] sample : samples) {
        for (int i = 0; i < FIELDS; i++) {
          means[i] += sample[i] / samples.size();
        }
      }
      return new Means(samples.size(), means[0] / 100, means[1], means[2]);
    }
  }

  @Override
  public void close() {
    if (process == null) {
      return;
    }
    process.destroy();
    try {
      if (!process.waitFor(END_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
      reader.join(TimeUnit.SECONDS.toMillis(END_SECONDS));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
