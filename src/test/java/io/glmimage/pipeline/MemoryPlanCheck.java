package io.glmimage.pipeline;

import io.glmimage.image.PixelSize;
import io.glmimage.image.RgbImage;
import io.glmimage.model.Grid;
import io.glmimage.model.Observer;
import io.glmimage.model.prior.PriorOptions;
import io.glmimage.model.processor.ProcessedPrompt;
import io.glmimage.model.processor.SizePlan;
import io.glmimage.model.processor.SourcePixels;
import io.glmimage.request.EditRequest;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Libtorch;
import io.glmimage.tensor.MemoryRule;
import io.glmimage.tensor.Precision;
import io.glmimage.tensor.TensorScope;
import io.glmimage.weights.CheckpointFolder;
import io.glmimage.weights.ConfigFile;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.bytedeco.pytorch.global.torch;

/**
 * Edits rows with random weights under memory budgets and compares the images. Run {@code main};
 * arguments: folder of configurations, device, precision, side in pixels, rows, steps, then budgets
 * in GB, of which 0 is none. For each budget prints the plan, the time of load, prior and images,
 * the memory that libtorch reserved and that the whole GPU had in use at most, the time of a turn,
 * and the digest of all images. Exits with 1 if digests differ.
 */
final class MemoryPlanCheck {
  private static final int SEED = 20;
  private static final int TEXT_TOKENS = 40;

  private final CheckpointFolder folder;
  private final Compute compute;
  private final int side;
  private final int rows;
  private final int steps;

  private MemoryPlanCheck(CheckpointFolder folder, Compute compute, int side, int rows, int steps) {
    this.folder = folder;
    this.compute = compute;
    this.side = side;
    this.rows = rows;
    this.steps = steps;
  }

  public static void main(String[] args) throws Exception {
    Compute compute = Compute.of(args[1]).withPrecision(Precision.parse(args[2]));
    MemoryPlanCheck check =
        new MemoryPlanCheck(
            CheckpointFolder.openWithRandomWeights(Path.of(args[0])),
            compute,
            Integer.parseInt(args[3]),
            Integer.parseInt(args[4]),
            Integer.parseInt(args[5]));
    String first = null;
    boolean same = true;
    for (int i = 6; i < args.length; i++) {
      String digest = check.run(Double.parseDouble(args[i]));
      first = first == null ? digest : first;
      same &= digest.equals(first);
    }
    System.out.println(same ? "EQUAL images under all budgets" : "DIFFERENT images");
    System.exit(same ? 0 : 1);
  }

  private String run(double gigabytes) throws Exception {
    // The same weights each time: they are drawn in the order in which networks take them.
    torch.manual_seed(SEED);
    if (compute.isCuda()) {
      torch.cuda_manual_seed_all(SEED);
    }
    long start = System.nanoTime();
    MessageDigest digest = MessageDigest.getInstance("SHA-256");
    MemoryRule rule = MemoryRule.STANDARD.withBudget(Math.round(gigabytes * 1e9));
    try (Peak peak = new Peak(compute);
        GlmImagePipeline pipeline =
            GlmImagePipeline.loadWithoutProcessor(
                folder, compute, PriorOptions.defaults(compute), rule)) {
      Libtorch.synchronize();
      print("budget %.1f GB: %s", gigabytes, pipeline.memoryPlan());
      print("  loaded in %.1f s", seconds(start));
      List<PreparedRequest> requests = requests(pipeline);
      for (int batch = 0; batch < 2; batch++) {
        // The second batch finds everything compiled and recorded, and is the one that counts.
        start = System.nanoTime();
        List<PriorTokens> tokens = pipeline.generatePriorTokens(requests);
        Libtorch.synchronize();
        double prior = seconds(start);
        digest.reset();
        for (int i = 0; i < rows; i++) {
          try (TensorScope scope = new TensorScope()) {
            digest.update(
                pipeline
                    .decode(
                        pipeline.denoise(
                            requests.get(i),
                            tokens.get(i),
                            pipeline.prepareLatents(requests.get(i)),
                            pipeline.encodePrompt("make the text say \"hello\""),
                            Observer.NONE))
                    .pixels());
          }
        }
        print("  batch %d: prior %.2f s, all %.2f s", batch + 1, prior, seconds(start));
      }
      print(
          "  turns %d; libtorch has reserved %.2f GB, the GPU had %.2f GB in use at most",
          pipeline.weightSwitches(), pipeline.deviceMemoryBytes() / 1e9, peak.bytes / 1e9);
    }
    compute.releaseCachedMemory();
    String hex = HexFormat.of().formatHex(digest.digest()).substring(0, 16);
    print(
        "  images %s, %.2f GB still reserved after close", hex, compute.deviceMemoryBytes() / 1e9);
    return hex;
  }

  private List<PreparedRequest> requests(GlmImagePipeline pipeline) {
    ConfigFile config = folder.config("vision_language_encoder/config.json");
    Grid grid = new Grid(side / 32, side / 32);
    List<PreparedRequest> requests = new ArrayList<>();
    for (int row = 0; row < rows; row++) {
      Random random = new Random(row);
      byte[] pixels = new byte[side * side * 3];
      random.nextBytes(pixels);
      float[] patches = new float[grid.size() * pipeline.patchValues()];
      for (int i = 0; i < patches.length; i++) {
        patches[i] = (float) random.nextGaussian();
      }
      List<Integer> ids = new ArrayList<>();
      ids.add(config.integer("image_start_token_id"));
      for (int i = 0; i < grid.size(); i++) {
        ids.add(config.integer("image_token_id"));
      }
      ids.add(config.integer("image_end_token_id"));
      int text = config.object("text_config").size("vision_vocab_size");
      for (int i = 0; i < TEXT_TOKENS; i++) {
        ids.add(text + 1 + (i + row) % 100);
      }
      ids.add(config.integer("image_start_token_id"));
      RgbImage source = new RgbImage(side, side, pixels);
      requests.add(
          new PreparedRequest(
              new EditRequest("row-" + row, "", List.of(source), side, side, steps, 1.5, row, 0),
              SizePlan.unchanged(new PixelSize(side, side)),
              new ProcessedPrompt(
                  ids.stream().mapToInt(Integer::intValue).toArray(), List.of(grid), List.of(grid)),
              List.of(new SourcePixels(grid, pipeline.patchValues(), patches))));
    }
    return requests;
  }

  /** The GPU's memory in use, by any process, sampled until closed. */
  private static final class Peak implements AutoCloseable {
    private final Thread thread;
    private volatile long bytes;
    private volatile boolean ended;

    Peak(Compute compute) {
      thread =
          new Thread(
              () -> {
                compute.makeCurrent();
                while (!ended) {
                  bytes = Math.max(bytes, Libtorch.gpuMemoryInUse());
                  try {
                    TimeUnit.MILLISECONDS.sleep(20);
                  } catch (InterruptedException e) {
                    return;
                  }
                }
              });
      thread.start();
    }

    @Override
    public void close() throws InterruptedException {
      ended = true;
      thread.join();
    }
  }

  private static void print(String format, Object... values) {
    System.out.printf(Locale.ROOT, format + "%n", values);
  }

  private static double seconds(long start) {
    return (System.nanoTime() - start) / 1e9;
  }
}
