package io.glmimage.pipeline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.DeviceMemoryException;
import io.glmimage.image.RgbImage;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Libtorch;
import io.glmimage.tensor.RequiredGpu;
import io.glmimage.weights.CheckpointFolder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.javacpp.SizeTPointer;
import org.bytedeco.pytorch.cuda.CUDAAllocator;
import org.bytedeco.pytorch.global.torch_cuda;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * A GPU that runs out of memory at any point of an edit. libtorch's allocator gets a limit, from
 * almost nothing above the weights to the peak of the edits, a little more each time.
 */
@Tag("gpu")
class MemoryLimitGpuTest {
  private static final Path MODEL = Path.of("src/main/resources/models/glm-image-tiny");
  private static final byte DEVICE = 0;
  private static final int LIMITS = 24;
  private static final double EQUAL = Double.POSITIVE_INFINITY;

  /** Decibels allowed if even all memory is too little for the usual algorithms. */
  private static final double ROUNDED = 50;

  @BeforeEach
  void needsGpu() {
    RequiredGpu.orSkip();
  }

  @AfterEach
  void noLimit() {
    if (Libtorch.cudaAvailable()) {
      limit(totalBytes());
    }
  }

  @Test
  void rowsSucceedOrFailAloneAtAnyMemoryLimitAndLaterRowsAreUnaffected() {
    Compute compute = Compute.of("cuda:" + DEVICE);
    try (GlmImagePipeline pipeline = load(compute)) {
      long weights = reservedBytes(compute);
      torch_cuda.getAllocator().resetPeakStats(DEVICE);
      List<EditResult> expected = pipeline.edit(rows());
      expected.forEach(result -> assertNull(result.error(), result.id()));
      long wanted = peakBytes() - weights;
      int failed = 0;
      int rescued = 0;
      int rounded = 0;
      List<String> wrong = new ArrayList<>();
      long reservedAfterFirst = 0;
      for (int i = 0; i < LIMITS; i++) {
        long more = wanted * i / (LIMITS - 1);
        String where = (more >> 20) + " MiB above the weights";
        // A new pipeline, because a pipeline remembers how many rows fit.
        try (GlmImagePipeline small = load(compute)) {
          limit(reservedBytes(compute) + more);
          long shortages = compute.shortages();
          List<EditResult> results = small.edit(rows());
          shortages = compute.shortages() - shortages;
          // With all memory back, everything works.
          limit(totalBytes());
          List<EditResult> after = small.edit(rows());
          int done = 0;
          for (int r = 0; r < results.size(); r++) {
            RgbImage image = expected.get(r).image();
            EditResult result = results.get(r);
            if (result.error() == null) {
              done++;
              rounded += compare(image, result, ROUNDED, "row " + r + ", " + where, wrong);
            } else if (!(result.error() instanceof DeviceMemoryException)) {
              wrong.add("row " + r + ", " + where + ": " + result.error());
            }
            compare(image, after.get(r), EQUAL, "row " + r + " after " + where, wrong);
          }
          failed += results.size() - done;
          rescued += shortages > 0 ? done : 0;
          System.out.printf(
              "memory  %s: %d shortages, %d of %d rows done%n",
              where, shortages, done, results.size());
        }
        if (i == 0) {
          reservedAfterFirst = reservedBytes(compute);
        }
      }
      long grown = reservedBytes(compute) - reservedAfterFirst;
      System.out.printf(
          "memory  in all: %d rows done by runs that met shortages, %d of them rounded otherwise; %d"
              + " failed; %d MiB more reserved%n",
          rescued, rounded, failed, grown >> 20);
      assertEquals(List.of(), wrong);
      assertTrue(failed > 0, "no limit was too small");
      assertTrue(rescued > rounded, "no shortage was overcome");
      // The failed attempts leave nothing behind.
      assertTrue(grown <= 96L << 20, grown + " bytes more are reserved than after the first");
    }
  }

  /** Adds a difference above the limit to {@code wrong}. Returns 1 if the images differ at all. */
  private static int compare(
      RgbImage expected, EditResult result, double decibels, String what, List<String> wrong) {
    if (result.error() != null) {
      wrong.add(what + ": " + result.error());
      return 0;
    }
    if (Arrays.equals(expected.pixels(), result.image().pixels())) {
      return 0;
    }
    double likeness = Likeness.decibels(expected.pixels(), result.image().pixels());
    if (likeness < decibels) {
      wrong.add(String.format("%s: another image, %.1f dB", what, likeness));
    }
    return 1;
  }

  private static GlmImagePipeline load(Compute compute) {
    return GlmImagePipeline.load(CheckpointFolder.open(MODEL), compute);
  }

  /** Rows of several sizes; the last ones need much more memory than the first. */
  private static List<EditRequest> rows() {
    List<EditRequest> rows = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      Scene scene = new Scene(i, 128);
      int side = 128 << (i / 2);
      rows.add(
          new EditRequest(
              "row-" + i, scene.prompt, List.of(scene.draw()), side, side, 3, 1.5, i, 0));
    }
    return rows;
  }

  private static void limit(long bytes) {
    try (PointerScope scope = new PointerScope()) {
      CUDAAllocator allocator = torch_cuda.getAllocator();
      allocator.setMemoryFraction(Math.min(1, bytes / (double) totalBytes()), DEVICE);
    }
  }

  private static long totalBytes() {
    try (PointerScope scope = new PointerScope()) {
      SizeTPointer free = new SizeTPointer(1);
      SizeTPointer total = new SizeTPointer(1);
      cudart.cudaMemGetInfo(free, total);
      return total.get();
    }
  }

  /** Memory in use after all caches were freed. */
  private static long reservedBytes(Compute compute) {
    compute.releaseCachedMemory();
    return compute.deviceMemoryBytes();
  }

  private static long peakBytes() {
    return torch_cuda.getAllocator().getDeviceStats(DEVICE).reserved_bytes().peak();
  }
}
