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
 * A GPU that runs out of memory at any point of an edit: libtorch's allocator is given a limit,
 * from next to nothing above the weights up to what the edits want, a little more each time.
 */
@Tag("gpu")
class MemoryLimitGpuTest {
  private static final Path MODEL = Path.of("src/main/resources/models/glm-image-tiny");
  private static final byte DEVICE = 0;
  private static final int LIMITS = 24;
  private static final double EQUAL = Double.POSITIVE_INFINITY;

  /** Where even all memory does not suffice for the usual algorithms of a picture. */
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
  void whateverMemoryIsLeftRowsAreDoneOrFailAloneAndTheNextOnesAreAsEver() {
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
        // A pipeline of its own: what one has learned of the memory stays with it.
        try (GlmImagePipeline small = load(compute)) {
          limit(reservedBytes(compute) + more);
          long shortages = compute.shortages();
          List<EditResult> results = small.edit(rows());
          shortages = compute.shortages() - shortages;
          // Memory comes back, and with it everything works.
          limit(totalBytes());
          List<EditResult> after = small.edit(rows());
          int done = 0;
          for (int r = 0; r < results.size(); r++) {
            RgbImage picture = expected.get(r).image();
            EditResult result = results.get(r);
            if (result.error() == null) {
              done++;
              rounded += compare(picture, result, ROUNDED, "row " + r + ", " + where, wrong);
            } else if (!(result.error() instanceof DeviceMemoryException)) {
              wrong.add("row " + r + ", " + where + ": " + result.error());
            }
            compare(picture, after.get(r), EQUAL, "row " + r + " after " + where, wrong);
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
      // Nothing of the failed attempts is kept.
      assertTrue(grown <= 96L << 20, grown + " bytes more are reserved than after the first");
    }
  }

  /** Adds to {@code wrong} what is further away than allowed; 1 if the pictures are not equal. */
  private static int compare(
      RgbImage expected, EditResult result, double decibels, String what, List<String> wrong) {
    if (result.error() != null) {
      wrong.add(what + ": " + result.error());
      return 0;
    }
    if (Arrays.equals(expected.pixels(), result.image().pixels())) {
      return 0;
    }
    double likeness = Pictures.decibels(expected.pixels(), result.image().pixels());
    if (likeness < decibels) {
      wrong.add(String.format("%s: another picture, %.1f dB", what, likeness));
    }
    return 1;
  }

  private static GlmImagePipeline load(Compute compute) {
    return GlmImagePipeline.load(CheckpointFolder.open(MODEL), compute);
  }

  /** Of several sizes; the last ones want much more than the first. */
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

  /** After everything that can be given back was. */
  private static long reservedBytes(Compute compute) {
    compute.releaseCachedMemory();
    return compute.deviceMemoryBytes();
  }

  private static long peakBytes() {
    return torch_cuda.getAllocator().getDeviceStats(DEVICE).reserved_bytes().peak();
  }
}
