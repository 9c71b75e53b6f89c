package io.glmimage.pipeline;

import io.glmimage.image.RgbImage;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import io.glmimage.tensor.Compute;
import io.glmimage.weights.CheckpointFolder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * Edits source images of random sizes with the bundled model, to see what new shapes cost. Run
 * {@code main}; arguments: edits, device, edits in a batch, seed, longest side, after how many
 * edits another thread goes on (0: never; libraries keep plans of shapes by thread), and after how
 * many seconds no further batch begins (0: never). Sides are between 100 pixels and the longest
 * side, evenly distributed on a logarithmic scale; an aspect ratio that the model refuses is drawn
 * again. Prints twenty lines of progress, and then the slopes of memory over the second half, the
 * time of batches with and without a new shape, and what a prompt of 100,000 tokens gives. Exits
 * with 1 if an edit fails.
 */
final class RandomSizesCheck {
  private static final Path MODEL = Path.of("src/main/resources/models/glm-image-tiny");
  private static final int SHORTEST = 100;
  private static final double MAX_ASPECT = 4;
  private static final int LINES = 20;

  private final Random random;
  private final int longest;

  private RandomSizesCheck(long seed, int longest) {
    this.random = new Random(seed);
    this.longest = longest;
  }

  public static void main(String[] args) throws Exception {
    int edits = args.length > 0 ? Integer.parseInt(args[0]) : 200;
    Compute compute = Compute.of(args.length > 1 ? args[1] : "cpu");
    int batch = args.length > 2 ? Integer.parseInt(args[2]) : 16;
    long seed = args.length > 3 ? Long.parseLong(args[3]) : 1;
    int longest = args.length > 4 ? Integer.parseInt(args[4]) : 8000;
    int perThread = args.length > 5 ? Integer.parseInt(args[5]) : 0;
    double seconds = args.length > 6 ? Double.parseDouble(args[6]) : 0;
    boolean ok;
    try (GlmImagePipeline pipeline = GlmImagePipeline.load(CheckpointFolder.open(MODEL), compute)) {
      ok = new RandomSizesCheck(seed, longest).run(pipeline, edits, batch, perThread, seconds);
    }
    System.exit(ok ? 0 : 1);
  }

  private boolean run(GlmImagePipeline pipeline, int most, int batch, int perThread, double limit)
      throws Exception {
    int edits = most;
    ProcessSamples samples = new ProcessSamples("edits");
    Set<Long> seen = new HashSet<>();
    List<Double> known = new ArrayList<>();
    List<Double> fresh = new ArrayList<>();
    int failed = 0;
    int lineEvery = Math.max(1, edits / LINES);
    long start = System.nanoTime();
    System.out.println("edits  failed  shapes  " + ProcessSamples.HEADING + "  seconds");
    ExecutorService thread = Executors.newSingleThreadExecutor();
    int onThread = 0;
    for (int done = 0; done < edits; ) {
      if (limit > 0 && (System.nanoTime() - start) / 1e9 > limit) {
        edits = done;
        break;
      }
      if (perThread > 0 && onThread >= perThread) {
        thread.shutdown();
        thread = Executors.newSingleThreadExecutor();
        onThread = 0;
      }
      List<EditRequest> requests = requests(done, Math.min(batch, edits - done));
      long begin = System.nanoTime();
      List<EditResult> results = thread.submit(() -> pipeline.edit(requests)).get();
      onThread += requests.size();
      double seconds = (System.nanoTime() - begin) / 1e9 / requests.size();
      int shapes = seen.size();
      for (EditResult result : results) {
        if (!result.ok()) {
          failed++;
          RgbImage source = requests.get(results.indexOf(result)).sources().get(0);
          System.out.printf(
              "FAILED %s, %d x %d: %s%n",
              result.id(), source.height(), source.width(), result.error().getMessage());
          continue;
        }
        seen.add((long) result.image().height() << 32 | result.image().width());
      }
      (seen.size() > shapes ? fresh : known).add(seconds);
      int before = done;
      done += requests.size();
      String sample = samples.add(done, pipeline.deviceMemoryBytes());
      if (before / lineEvery != done / lineEvery) {
        System.out.printf(
            Locale.ROOT,
            "%5d  %6d  %6d  %s  %7.1f%n",
            done,
            failed,
            seen.size(),
            sample,
            (System.nanoTime() - start) / 1e9);
      }
    }
    thread.shutdown();
    System.out.println(samples.slopes());
    System.out.printf(
        Locale.ROOT,
        "seconds per edit, median: %.4f in %d batches with a new size, %.4f in %d without%n",
        median(fresh),
        fresh.size(),
        median(known),
        known.size());
    System.out.println(failed + " of " + edits + " edits failed");
    return failed == 0 && longPromptFailsAlone(pipeline);
  }

  /** A prompt of 100,000 tokens is a failed row; edits go on beside it and after it. */
  private boolean longPromptFailsAlone(GlmImagePipeline pipeline) {
    List<EditRequest> requests = new ArrayList<>(requests(0, 2));
    EditRequest first = requests.get(0);
    requests.add(
        1,
        new EditRequest("long", "word ".repeat(33_334), first.sources(), null, null, 2, 1.5, 0, 0));
    List<EditResult> results = pipeline.edit(requests);
    boolean after = pipeline.edit(requests(0, 1)).get(0).ok();
    EditResult refused = results.get(1);
    System.out.println(
        "a prompt of 100,000 tokens: "
            + (refused.ok() ? "EDITED" : refused.error().getMessage())
            + "; neighbours "
            + (results.get(0).ok() && results.get(2).ok() ? "edited" : "FAILED")
            + "; the next edit "
            + (after ? "worked" : "FAILED"));
    return !refused.ok() && results.get(0).ok() && results.get(2).ok() && after;
  }

  private List<EditRequest> requests(int first, int count) {
    List<EditRequest> requests = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int height = side();
      int width = side();
      while (Math.max(height, width) > MAX_ASPECT * Math.min(height, width)) {
        height = side();
        width = side();
      }
      byte[] pixels = new byte[3 * height * width];
      Arrays.fill(pixels, pixels.length / 3, pixels.length, (byte) random.nextInt(256));
      requests.add(
          new EditRequest(
              "edit-" + (first + i),
              "make the background red",
              List.of(new RgbImage(height, width, pixels)),
              null,
              null,
              2,
              1.5,
              first + i,
              0));
    }
    return requests;
  }

  private int side() {
    double log = Math.log(SHORTEST) + random.nextDouble() * Math.log((double) longest / SHORTEST);
    return (int) Math.round(Math.exp(log));
  }

  private static double median(List<Double> values) {
    return values.stream().sorted().skip(values.size() / 2).findFirst().orElse(Double.NaN);
  }
}
