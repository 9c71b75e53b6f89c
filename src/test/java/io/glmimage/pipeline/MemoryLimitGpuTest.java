package io.glmimage.pipeline;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.glmimage.error.DeviceMemoryException;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Libtorch;
import io.glmimage.weights.CheckpointFolder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.javacpp.SizeTPointer;
import org.bytedeco.pytorch.cuda.CUDAAllocator;
import org.bytedeco.pytorch.cuda.DeviceStats;
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

  @BeforeEach
  void needsGpu() {
    Libtorch.load();
    assumeTrue(Libtorch.cudaAvailable(), "there is no GPU here whose memory could run out");
  }

  @AfterEach
  void noLimit() {
    if (Libtorch.cudaAvailable()) {
      limit(totalBytes());
    }
  }

  @Test
  void rowsAreDoneAsEverOrFailAloneWhateverMemoryIsLeft() {
    Compute compute = Compute.of("cuda:" + DEVICE);
    try (GlmImagePipeline pipeline = load(compute)) {
      long weights = reservedBytes(compute);
      torch_cuda.getAllocator().resetPeakStats(DEVICE);
      List<EditResult> expected = pipeline.edit(rows());
      expected.forEach(result -> assertNull(result.error(), result.id()));
      long wanted = peakBytes() - weights;
      int done = 0;
      int failed = 0;
      int rescued = 0;
      for (int i = 0; i < LIMITS; i++) {
        long more = wanted * i / (LIMITS - 1);
        // A pipeline of its own: what one has learned of the memory stays with it.
        try (GlmImagePipeline small = load(compute)) {
          limit(reservedBytes(compute) + more);
          long shortages = stats().num_ooms();
          List<EditResult> results = small.edit(rows());
          shortages = stats().num_ooms() - shortages;
          int doneHere = 0;
          for (int r = 0; r < results.size(); r++) {
            String what = "row " + r + ", " + (more >> 20) + " MiB above the weights";
            EditResult result = results.get(r);
            if (result.error() != null) {
              assertInstanceOf(DeviceMemoryException.class, result.error(), what);
              failed++;
            } else {
              assertArrayEquals(expected.get(r).image().pixels(), result.image().pixels(), what);
              doneHere++;
            }
          }
          done += doneHere;
          rescued += shortages > 0 ? doneHere : 0;
          System.out.printf(
              "memory  %d MiB above the weights: %d shortages, %d of %d rows done%n",
              more >> 20, shortages, doneHere, results.size());
          // Memory comes back, and with it everything works.
          limit(totalBytes());
          List<EditResult> after = small.edit(rows());
          for (int r = 0; r < after.size(); r++) {
            assertNull(after.get(r).error(), "row " + r + " after " + (more >> 20) + " MiB");
            assertArrayEquals(expected.get(r).image().pixels(), after.get(r).image().pixels());
          }
        }
      }
      System.out.printf(
          "memory  in all: %d rows done, %d of them by runs that met shortages, %d failed%n",
          done, rescued, failed);
      assertTrue(failed > 0, "no limit was too small");
      assertTrue(rescued > 0, "no shortage was overcome");
      // Nothing of the failed attempts is kept.
      long left = reservedBytes(compute);
      assertTrue(left <= weights + (64L << 20), left + " bytes reserved, at first " + weights);
    }
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
    return stats().reserved_bytes().current();
  }

  private static long peakBytes() {
    return stats().reserved_bytes().peak();
  }

  private static DeviceStats stats() {
    return torch_cuda.getAllocator().getDeviceStats(DEVICE);
  }
}
