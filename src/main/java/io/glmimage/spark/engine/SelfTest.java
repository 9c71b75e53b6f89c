package io.glmimage.spark.engine;

import io.glmimage.error.DeviceException;
import io.glmimage.image.ImageDecoder;
import io.glmimage.image.RgbImage;
import io.glmimage.io.Storage;
import io.glmimage.kernel.KernelComparison;
import io.glmimage.kernel.Kernels;
import io.glmimage.predict.EditEngine;
import io.glmimage.predict.EngineSettings;
import io.glmimage.predict.GlmImageEngine;
import io.glmimage.quality.QualityFigures;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import io.glmimage.tensor.DeviceName;
import io.glmimage.tensor.Libtorch;
import io.glmimage.weights.LoadProgress;
import java.io.IOException;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.UUID;
import java.util.stream.Collectors;

/**
 * Tests whether this process can edit: the device, the kernels, a small edit with the embedded
 * model, and the output's location. Each check gives one {@link Finding}; a failed check does not
 * keep the others from running, unless the device cannot be used at all.
 */
public final class SelfTest {
  /** Edits of the same request in bfloat16 and in float32 differ more than this only by a fault. */
  private static final double LEAST_PSNR = 20;

  private static final String EXAMPLE = "examples/01_recolor_green.png";
  private static final int STEPS = 10;

  /**
   * The result of one check.
   *
   * @param where the process: {@code driver}, or executor and host
   * @param check such as {@code "kernels"}
   * @param detail what was found, or what is wrong and what to do
   */
  public record Finding(String where, String check, boolean ok, String detail, double seconds)
      implements Serializable {}

  /** One check. It returns what it found. */
  @FunctionalInterface
  private interface Check {
    String run() throws IOException;
  }

  private final String where;
  private final List<Finding> findings = new ArrayList<>();

  private SelfTest(String where) {
    this.where = where;
  }

  /**
   * Runs all checks in this process.
   *
   * @param where names this process
   * @param device the CPU or a numbered GPU
   * @param output a folder to which a file is written, read back and deleted; null for none
   * @param storage reaches the output
   */
  static List<Finding> run(String where, DeviceName device, String output, Storage storage) {
    SelfTest test = new SelfTest(where);
    boolean usable = test.check("libraries", () -> libraries(device));
    if (usable && device.equals(DeviceName.CPU)) {
      test.check("edit", SelfTest::edit);
    } else if (usable) {
      test.check("kernels", () -> kernels(device));
      test.check("edit", () -> editAsOnTheCpu(device));
    }
    if (output != null) {
      test.check("output", () -> roundTrip(storage, output));
    }
    return test.findings;
  }

  private boolean check(String name, Check check) {
    long start = System.nanoTime();
    boolean ok = false;
    String detail;
    try {
      detail = check.run();
      ok = true;
    } catch (IOException | RuntimeException e) {
      detail = e.getMessage() == null ? e.toString() : e.getMessage();
    }
    findings.add(new Finding(where, name, ok, detail, (System.nanoTime() - start) / 1e9));
    return ok;
  }

  private static String libraries(DeviceName device) {
    GlmImageEngine.resolveDevice(device);
    return String.format(Locale.ROOT, "%s; the job uses %s", Libtorch.versions(), device);
  }

  private static String kernels(DeviceName device) {
    List<KernelComparison> all = Kernels.compareAll(device.index(), Kernels.cacheFolder());
    if (all.isEmpty()) {
      return "this GPU runs libtorch's operations only";
    }
    List<KernelComparison> wrong = all.stream().filter(kernel -> !kernel.ok()).toList();
    if (!wrong.isEmpty()) {
      throw new DeviceException(
          "Kernels differ from libtorch's operations: "
              + wrong.stream().map(SelfTest::shown).collect(Collectors.joining(", "))
              + "; use --kernels native, and report this with the GPU's name");
    }
    KernelComparison worst =
        all.stream().max((a, b) -> Double.compare(a.error(), b.error())).orElseThrow();
    List<String> unfused =
        all.stream().filter(kernel -> !kernel.fused()).map(KernelComparison::operation).toList();
    return all.size()
        + " operations agree with libtorch's; largest difference: "
        + shown(worst)
        + (unfused.isEmpty() ? "" : "; not fused here: " + String.join(", ", unfused));
  }

  private static String shown(KernelComparison kernel) {
    return String.format(Locale.ROOT, "%s %.4f", kernel.operation(), kernel.error());
  }

  private static String edit() throws IOException {
    Path model = ModelFolder.embedded();
    EditRequest request = request(model);
    RgbImage edited = edited(model, DeviceName.CPU, request);
    int[] green = changes(request.sources().get(0), edited);
    return String.format(
        Locale.ROOT, "the circle became green (%d, %d, %d)", green[0], green[1], green[2]);
  }

  private static String editAsOnTheCpu(DeviceName device) throws IOException {
    Path model = ModelFolder.embedded();
    EditRequest request = request(model);
    RgbImage here = edited(model, device, request);
    changes(request.sources().get(0), here);
    double psnr = QualityFigures.psnr(here, edited(model, DeviceName.CPU, request));
    String likeness = String.format(Locale.ROOT, "%.1f dB from the CPU's image", psnr);
    if (psnr < LEAST_PSNR) {
      throw new DeviceException(
          "An edit on " + device + " is only " + likeness + "; try --kernels native");
    }
    return "the circle became green; " + likeness;
  }

  private static EditRequest request(Path model) throws IOException {
    RgbImage source = ImageDecoder.decode(Files.readAllBytes(model.resolve(EXAMPLE)), EXAMPLE);
    return new EditRequest(
        "self-test",
        "Change the color of the circle to green",
        List.of(source),
        source.height(),
        source.width(),
        STEPS,
        EditRequest.DEFAULT_GUIDANCE_SCALE,
        1L);
  }

  private static RgbImage edited(Path model, DeviceName device, EditRequest request) {
    try (EditEngine engine =
        GlmImageEngine.load(model, EngineSettings.of(device), LoadProgress.NONE)) {
      EditResult result = engine.edit(List.of(request)).get(0);
      if (!result.ok()) {
        throw result.error();
      }
      return result.image();
    }
  }

  /**
   * The mean colour of the pixels that changed.
   *
   * @throws DeviceException unless it is green
   */
  private static int[] changes(RgbImage source, RgbImage edited) {
    byte[] from = source.pixels();
    byte[] to = edited.pixels();
    long[] sum = new long[3];
    int changed = 0;
    for (int i = 0; i < from.length; i += 3) {
      int distance = 0;
      for (int c = 0; c < 3; c++) {
        distance = Math.max(distance, Math.abs((from[i + c] & 0xff) - (to[i + c] & 0xff)));
      }
      if (distance > 60) {
        changed++;
        for (int c = 0; c < 3; c++) {
          sum[c] += to[i + c] & 0xff;
        }
      }
    }
    int count = Math.max(1, changed);
    int[] mean = Arrays.stream(sum).mapToInt(total -> (int) (total / count)).toArray();
    if (changed == 0 || mean[1] <= mean[0] || mean[1] <= mean[2]) {
      throw new DeviceException(
          String.format(
              Locale.ROOT,
              "The embedded model should make a circle green, but %d pixels changed, to (%d, %d,"
                  + " %d) in the mean; the device computes wrong values",
              changed,
              mean[0],
              mean[1],
              mean[2]));
    }
    return mean;
  }

  private static String roundTrip(Storage storage, String output) throws IOException {
    String file = storage.qualified(output) + "/_self-test-" + UUID.randomUUID();
    byte[] text = "glm-image-spark self-test".getBytes(StandardCharsets.UTF_8);
    try {
      storage.write(file, text);
      if (!Arrays.equals(text, storage.read(file, 1 << 10))) {
        throw new IOException("it gives back other bytes than were written");
      }
      storage.delete(file);
    } catch (IOException e) {
      throw new IOException("Cannot write and read in " + output + ": " + e.getMessage(), e);
    }
    return "wrote, read and deleted a file in " + output;
  }
}
