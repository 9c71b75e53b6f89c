package io.glmimage.model.vae;

import io.glmimage.image.RgbImage;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Libtorch;
import io.glmimage.tensor.TensorScope;
import io.glmimage.weights.CheckpointFolder;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.bytedeco.pytorch.Tensor;

/**
 * Measures encoding and decoding alone, with random weights. Arguments: a folder of configuration
 * files, then the sides of square images in pixels.
 */
final class VaeBenchmark {
  private static final int REPEATS = 6;

  private VaeBenchmark() {}

  public static void main(String[] args) {
    Compute compute = Compute.of("auto");
    try (Vae vae = Vae.load(CheckpointFolder.openWithRandomWeights(Path.of(args[0])), compute)) {
      for (int a = 1; a < args.length; a++) {
        int side = Integer.parseInt(args[a]);
        byte[] pixels = new byte[side * side * 3];
        new Random(1).nextBytes(pixels);
        for (int i = 0; i < REPEATS; i++) {
          try (TensorScope scope = new TensorScope()) {
            Tensor image = Pixels.toTensor(List.of(new RgbImage(side, side, pixels)), compute);
            Libtorch.synchronize();
            long start = System.nanoTime();
            Tensor latents = vae.encode(image);
            Libtorch.synchronize();
            long encoded = System.nanoTime();
            vae.decode(latents);
            Libtorch.synchronize();
            System.out.printf(
                "%d x %d: encode %.4f s, decode %.4f s%n",
                side, side, (encoded - start) / 1e9, (System.nanoTime() - encoded) / 1e9);
          }
        }
      }
    }
  }
}
