package io.glmimage.golden;

import io.glmimage.kernel.KernelMode;
import io.glmimage.kernel.KernelProvider;
import io.glmimage.kernel.Kernels;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Precision;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * The folder of parity fixtures: {@code -Dgoldens.dir=...}, by default the copy in the test
 * resources.
 */
public final class Goldens {
  private Goldens() {}

  /**
   * What parity is computed on, in float32: the CPU, or {@code -Dparity.device=cuda:N} with all
   * fused kernels.
   */
  public static Compute compute() {
    String device = System.getProperty("parity.device", "cpu");
    return device.equals("cpu")
        ? Compute.cpu()
        : Compute.cudaFloat32(Integer.parseInt(device.substring(device.indexOf(':') + 1)));
  }

  /** The same device in bfloat16: what a GPU computes in when nobody asks otherwise. */
  public static Compute bfloat16() {
    return new Compute(compute().device(), ScalarType.BFloat16);
  }

  /** Linear layers in 8 bits, the rest as this device has it beside them. */
  public static Compute fp8() {
    return (compute().isCuda() ? bfloat16() : compute()).withPrecision(Precision.FP8);
  }

  /** The kernels of {@link #compute}. */
  public static KernelProvider kernels() {
    return kernels(compute());
  }

  /** All fused kernels on a GPU, libtorch's on a CPU. */
  public static KernelProvider kernels(Compute compute) {
    return Kernels.provider(
        compute.isCuda() ? KernelMode.FUSED : KernelMode.NATIVE,
        compute,
        Path.of("target", "kernel-cache"));
  }

  public static Path root() {
    return Path.of(System.getProperty("goldens.dir", "src/test/resources/goldens"))
        .toAbsolutePath();
  }

  /**
   * All cases whose file name starts with {@code prefix}, of all checkpoints and the common ones,
   * sorted by path.
   */
  public static List<GoldenCase> cases(String prefix) {
    Path cases = root().resolve("cases");
    try (Stream<Path> files = Files.walk(cases)) {
      List<GoldenCase> found =
          files
              .filter(
                  f ->
                      f.getFileName().toString().startsWith(prefix)
                          && f.toString().endsWith(".json"))
              .sorted()
              .map(f -> new GoldenCase(cases.relativize(f).toString().replace(".json", ""), f))
              .toList();
      if (found.isEmpty()) {
        throw new IllegalStateException("No case named " + prefix + "* below " + cases);
      }
      return found;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The decoded source images, {@code images/images_decoded}. */
  public static GoldenCase images() {
    return new GoldenCase("images_decoded", image("images_decoded.json"));
  }

  public static Path image(String name) {
    return root().resolve("images").resolve(name);
  }
}
