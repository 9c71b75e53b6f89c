package io.glmimage.model.vae;

import io.glmimage.image.RgbImage;
import io.glmimage.kernel.KernelMode;
import io.glmimage.kernel.KernelProvider;
import io.glmimage.kernel.Kernels;
import io.glmimage.model.Observer;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Libtorch;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import io.glmimage.weights.CheckpointFolder;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Measures encoding and decoding alone, with random weights: with libtorch's operations, then with
 * the fused kernels. Also prints the time of every part and how far the results are apart.
 * Arguments: a folder of configuration files, then the sides of square images in pixels.
 */
final class VaeBenchmark {
  private static final int REPEATS = 6;

  private final Compute compute;
  private final Vae vae;
  private final int side;

  private VaeBenchmark(Compute compute, Vae vae, int side) {
    this.compute = compute;
    this.vae = vae;
    this.side = side;
  }

  public static void main(String[] args) {
    Compute compute = Compute.of("auto");
    compute.makeCurrent();
    for (int a = 1; a < args.length; a++) {
      float[][] results = new float[2][];
      float[][] latents = new float[2][];
      for (KernelMode mode : List.of(KernelMode.NATIVE, KernelMode.AUTO)) {
        KernelProvider kernels = Kernels.provider(mode, compute, Kernels.cacheFolder());
        torch.manual_seed(1);
        try (TensorScope scope = new TensorScope();
            Vae vae =
                Vae.load(
                    CheckpointFolder.openWithRandomWeights(Path.of(args[0])), compute, kernels)) {
          int side = Integer.parseInt(args[a]);
          System.out.printf(Locale.ROOT, "%d x %d, --kernels %s%n", side, side, mode);
          VaeBenchmark benchmark = new VaeBenchmark(compute, vae, side);
          Tensor encoded = benchmark.run();
          latents[mode == KernelMode.NATIVE ? 0 : 1] = Ops.toFloats(encoded);
          results[mode == KernelMode.NATIVE ? 0 : 1] = Ops.toFloats(vae.decode(encoded));
        }
        compute.releaseCachedMemory();
      }
      System.out.printf(
          Locale.ROOT,
          "relative difference: latents %.4f, image %.4f (of which the latents are a part)%n",
          difference(latents[0], latents[1]),
          difference(results[0], results[1]));
    }
  }

  private Tensor run() {
    byte[] pixels = new byte[side * side * 3];
    new Random(1).nextBytes(pixels);
    try (TensorScope scope = new TensorScope()) {
      Tensor image = Pixels.toTensor(List.of(new RgbImage(side, side, pixels)), compute);
      for (int i = 0; i < REPEATS; i++) {
        try (TensorScope repeat = new TensorScope()) {
          long start = now();
          Tensor latents = vae.encode(image);
          long encoded = now();
          vae.decode(latents);
          System.out.printf(
              Locale.ROOT,
              "encode %.4f s, decode %.4f s, %.2f GB reserved%n",
              (encoded - start) / 1e9,
              (now() - encoded) / 1e9,
              compute.deviceMemoryBytes() / 1e9);
        }
      }
      vae.mode(image, parts());
      Tensor latents = vae.encode(image);
      vae.decodeRaw(latents, parts());
      return scope.keep(latents);
    }
  }

  /** Prints the time since the part before. */
  private static Observer parts() {
    long[] last = {now()};
    return (name, tensor) -> {
      long now = now();
      System.out.printf(Locale.ROOT, "  %-24s %.4f s%n", name, (now - last[0]) / 1e9);
      last[0] = now();
    };
  }

  private static long now() {
    Libtorch.synchronize();
    return System.nanoTime();
  }

  private static double difference(float[] expected, float[] actual) {
    double difference = 0;
    double size = 0;
    for (int i = 0; i < expected.length; i++) {
      difference += Math.pow((double) actual[i] - expected[i], 2);
      size += Math.pow(expected[i], 2);
    }
    return Math.sqrt(difference / size);
  }
}
