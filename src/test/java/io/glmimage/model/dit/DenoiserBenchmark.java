package io.glmimage.model.dit;

import io.glmimage.kernel.AtenKernels;
import io.glmimage.model.Grid;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.Philox;
import io.glmimage.tensor.TensorScope;
import io.glmimage.weights.CheckpointFolder;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;

/**
 * Measures the denoising steps of the bundled model. Run {@code main}; arguments: steps, pixels per
 * side, threads (0 for libtorch's choice).
 */
final class DenoiserBenchmark {
  private DenoiserBenchmark() {}

  public static void main(String[] args) {
    int steps = args.length > 0 ? Integer.parseInt(args[0]) : 20;
    int pixels = args.length > 1 ? Integer.parseInt(args[1]) : 128;
    int threads = args.length > 2 ? Integer.parseInt(args[2]) : 0;
    try (TensorScope scope = new TensorScope();
        GlmImageTransformer network =
            GlmImageTransformer.load(
                CheckpointFolder.open(Path.of("src/main/resources/models/glm-image-tiny")),
                Compute.cpu(),
                new AtenKernels())) {
      if (threads > 0) {
        org.bytedeco.pytorch.global.torch.set_num_threads(threads);
      }
      Grid grid = new Grid(pixels / 16, pixels / 16);
      int[] ids = new int[grid.size()];
      float[] sigmas = new float[steps + 1];
      double[] timesteps = new double[steps];
      for (int i = 0; i < steps; i++) {
        sigmas[i] = 1 - i / (float) steps;
        timesteps[i] = 999 - i;
      }
      long side = grid.rows() * (long) network.patchSize();
      Tensor source =
          Ops.of(
              new Philox(1, 1).normals((int) (network.channels() * side * side)),
              network.channels(),
              side,
              side);
      for (int round = 0; round < 3; round++) {
        long start = System.nanoTime();
        long cpuStart = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
        double[] times = new double[steps];
        try (TensorScope roundScope = new TensorScope();
            Modulation modulation = network.modulation(timesteps, pixels, pixels);
            DitSequence conditional =
                network.prepare(Ops.of(new float[64 * 8], 8, network.textEmbedDim()), ids);
            DitSequence unconditional =
                network.prepare(Ops.of(new float[64], 1, network.textEmbedDim()), null);
            SourceCache cache = network.newCache(grid.size(), 8 + grid.size())) {
          network.writeSource(cache, source, ids, pixels, pixels);
          try (Denoiser denoiser =
              network.denoiser(
                  grid,
                  new DenoisingSteps(modulation, sigmas),
                  new Guidance(1.5, conditional, unconditional),
                  cache)) {
            Tensor latents = source.clone();
            for (int i = 0; i < steps; i++) {
              long before = System.nanoTime();
              denoiser.step(latents, i);
              times[i] = (System.nanoTime() - before) * 1e-6;
            }
          }
        }
        Arrays.sort(times);
        System.out.printf(
            "%d steps with guidance and one source at %d pixels: %.3f s; a step: least %.2f,"
                + " median %.2f ms; %.2f ms of this thread's processor time a step%n",
            steps,
            pixels,
            (System.nanoTime() - start) * 1e-9,
            times[0],
            times[steps / 2],
            (ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - cpuStart)
                * 1e-6
                / steps);
      }
    }
  }
}
