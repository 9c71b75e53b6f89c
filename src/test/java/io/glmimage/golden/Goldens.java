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
import org.opentest4j.TestAbortedException;

/**
 * The folder of parity fixtures: {@code -Dgoldens.dir=...}, by default the one in the test
 * resources.
 *
 * <p>Another folder need not have the cases of every network. Tests whose cases are missing there
 * are skipped, with a message that names them. In the bundled folder a missing case is a failure.
 */
public final class Goldens {
  private static final String FOLDER = System.getProperty("goldens.dir");
  private static final String BUNDLED = "src/test/resources/goldens";

  private Goldens() {}

  /**
   * The device of the parity tests, in float32: the CPU, or {@code -Dparity.device=cuda:N} with all
   * fused kernels.
   */
  public static Compute compute() {
    String device = System.getProperty("parity.device", "cpu");
    return device.equals("cpu")
        ? Compute.cpu()
        : Compute.cudaFloat32(Integer.parseInt(device.substring(device.indexOf(':') + 1)));
  }

  /** The same device in bfloat16, the default precision on a GPU. */
  public static Compute bfloat16() {
    return new Compute(compute().device(), ScalarType.BFloat16);
  }

  /** Linear layers in 8 bits; the rest in the precision that the device combines with them. */
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
    return Path.of(FOLDER == null ? BUNDLED : FOLDER).toAbsolutePath();
  }

  /**
   * Skips the test if a folder given with {@code -Dgoldens.dir} lacks something; fails if the
   * bundled one does.
   *
   * @param present whether the folder has it
   * @param what names it in the message
   */
  public static void require(boolean present, String what) {
    if (present) {
      return;
    }
    String message = "No " + what + " below " + root();
    if (FOLDER == null) {
      throw new IllegalStateException(message);
    }
    System.out.println("parity  skipped: " + message);
    throw new TestAbortedException(message);
  }

  /**
   * All cases whose file name starts with {@code prefix}, of all checkpoints and the common ones,
   * sorted by path. At least one, see {@link #require}.
   */
  public static List<GoldenCase> cases(String prefix) {
    Path cases = root().resolve("cases");
    require(Files.isDirectory(cases), "folder cases");
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
      require(!found.isEmpty(), "case " + prefix + "*");
      return found;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The decoded source images, {@code images/images_decoded}. */
  public static GoldenCase images() {
    return new GoldenCase("images_decoded", image("images_decoded.json"));
  }

  /** A source image's file. */
  public static Path image(String name) {
    return root().resolve("images").resolve(name);
  }
}
