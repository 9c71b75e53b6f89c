package io.glmimage.pipeline;

import io.glmimage.image.RgbImage;
import io.glmimage.kernel.KernelMode;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.DeviceName;
import io.glmimage.tensor.MemoryRule;
import io.glmimage.tensor.Precision;
import io.glmimage.weights.CheckpointFolder;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;

/**
 * Edits with the bundled model for a long time, or loads and closes it many times, and reports how
 * memory, handles and threads grow. Run {@code main}; arguments: {@code edits} or {@code loads},
 * their number, the device, a memory budget in GB (0 for none). Exits with 1 if an edit fails.
 */
final class LongRunCheck {
  private static final Path MODEL = Path.of("src/main/resources/models/glm-image-tiny");
  private static final int SIDE = 64;
  private static final int BATCH = 8;
  private static final int SAMPLES = 40;

  private final DeviceName device;
  private final MemoryRule memory;

  private LongRunCheck(DeviceName device, MemoryRule memory) {
    this.device = device;
    this.memory = memory;
  }

  public static void main(String[] args) throws IOException {
    int count = Integer.parseInt(args[1]);
    long budget = Math.round(Double.parseDouble(args[3]) * 1e9);
    LongRunCheck check =
        new LongRunCheck(DeviceName.parse(args[2]), MemoryRule.STANDARD.withBudget(budget));
    System.out.println(args[0] + "  " + ProcessSamples.HEADING + "  seconds");
    boolean ok =
        switch (args[0]) {
          case "edits" -> check.edits(count);
          case "loads" -> check.loads(count);
          default -> throw new IllegalArgumentException("Invalid work: " + args[0]);
        };
    System.exit(ok ? 0 : 1);
  }

  private GlmImagePipeline load() {
    return GlmImagePipeline.load(
        CheckpointFolder.open(MODEL), device, Precision.AUTO, KernelMode.AUTO, memory);
  }

  private boolean edits(int count) throws IOException {
    ProcessSamples samples = new ProcessSamples("edits");
    long start = System.nanoTime();
    int failed = 0;
    try (GlmImagePipeline pipeline = load()) {
      System.out.println(pipeline.description());
      int sampleEvery = Math.max(BATCH, count / SAMPLES);
      for (int done = 0; done < count; ) {
        failed += edit(pipeline, done);
        int before = done;
        done += BATCH;
        if (before / sampleEvery != done / sampleEvery) {
          print(done, samples.add(done, pipeline.deviceMemoryBytes()), start);
        }
      }
    }
    System.out.println(samples.slopes());
    System.out.println(failed + " of " + count + " edits failed");
    return failed == 0;
  }

  private boolean loads(int count) throws IOException {
    ProcessSamples samples = new ProcessSamples("loads");
    Compute compute = Compute.of(device);
    long start = System.nanoTime();
    int failed = 0;
    for (int done = 1; done <= count; done++) {
      try (GlmImagePipeline pipeline = load()) {
        failed += edit(pipeline, done);
      }
      compute.releaseCachedMemory();
      String line = samples.add(done, compute.deviceMemoryBytes());
      if (done % Math.max(1, count / SAMPLES) == 0) {
        print(done, line, start);
      }
    }
    System.out.println(samples.slopes());
    System.out.println(failed + " edits failed");
    return failed == 0;
  }

  /** Edits one batch. Returns the number of failures. */
  private static int edit(GlmImagePipeline pipeline, int seed) {
    List<EditRequest> requests = new ArrayList<>();
    for (int i = 0; i < BATCH; i++) {
      byte[] pixels = new byte[SIDE * SIDE * 3];
      new Random(seed + i).nextBytes(pixels);
      List<RgbImage> sources = List.of(new RgbImage(SIDE, SIDE, pixels));
      requests.add(
          new EditRequest("row " + i, "make it red", sources, SIDE, SIDE, 2, 1.5, seed + i, 0));
    }
    int failed = 0;
    for (EditResult result : pipeline.edit(requests)) {
      if (!result.ok()) {
        failed++;
        System.out.println("FAILED " + result.error().getMessage());
      }
    }
    return failed;
  }

  private static void print(int done, String line, long start) {
    System.out.printf(
        Locale.ROOT, "%5d  %s  %7.1f%n", done, line, (System.nanoTime() - start) / 1e9);
  }
}
