package io.glmimage.model.prior;

import io.glmimage.kernel.KernelMode;
import io.glmimage.kernel.KernelProvider;
import io.glmimage.kernel.Kernels;
import io.glmimage.model.Grid;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Libtorch;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.Precision;
import io.glmimage.tensor.TensorScope;
import io.glmimage.weights.CheckpointFolder;
import io.glmimage.weights.ConfigFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;
import org.bytedeco.pytorch.Tensor;

/**
 * Measures the prior alone, by the number of rows: seconds per row of the source images' tokens and
 * of the prompts, and milliseconds per decoding step. Each row has one source image of SIDE x SIDE
 * patches and a text of 40 tokens.
 *
 * <p>Then rows of different lengths are decoded together, in another order and alone. All of their
 * ids have to be equal, with weights of the real sizes too.
 *
 * <pre>
 * {@code java -cp CLASSES:JARS io.glmimage.model.prior.PrefillBenchmark GEOMETRY DEVICE PRECISION
 * SIDE ROWS,ROWS... STEPS}</pre>
 *
 * <p>STEPS is at least 2.
 */
final class PrefillBenchmark {
  private static final int TEXT_TOKENS = 40;
  private static final int COMPARED_TOKENS = 48;
  private static final int REPEATS = 3;

  private final PriorModel model;
  private final int firstText;

  private PrefillBenchmark(PriorModel model, int firstText) {
    this.model = model;
    this.firstText = firstText;
  }

  public static void main(String[] arguments) {
    Path geometry = Path.of(arguments[0]);
    Compute compute = Compute.of(arguments[1]).withPrecision(Precision.parse(arguments[2]));
    int side = Integer.parseInt(arguments[3]);
    int[] counts = Arrays.stream(arguments[4].split(",", -1)).mapToInt(Integer::parseInt).toArray();
    int steps = Integer.parseInt(arguments[5]);
    CheckpointFolder folder = CheckpointFolder.openWithRandomWeights(geometry);
    ConfigFile text = folder.config("vision_language_encoder/config.json").object("text_config");
    PriorOptions options =
        PriorOptions.defaults(compute).withSlots(Arrays.stream(counts).max().orElseThrow());
    boolean equal;
    try (PriorModel model = PriorModel.load(folder, compute, kernels(compute), options)) {
      PrefillBenchmark benchmark = new PrefillBenchmark(model, text.size("vision_vocab_size"));
      for (int count : counts) {
        benchmark.measure(new Grid(side, side), count, steps);
      }
      equal = benchmark.neighbours(side);
    }
    System.exit(equal ? 0 : 1);
  }

  private static KernelProvider kernels(Compute compute) {
    return Kernels.provider(
        compute.isCuda() ? KernelMode.FUSED : KernelMode.NATIVE,
        compute,
        Path.of(System.getProperty("java.io.tmpdir"), "kernels"));
  }

  private void measure(Grid grid, int count, int steps) {
    List<Source> sources = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      sources.add(source(grid, i));
    }
    List<PriorPrompt> prompts = prompts(sources, new Grid(1, steps + 1));
    double[] tower = new double[REPEATS];
    double[] prompt = new double[REPEATS];
    double[] step = new double[REPEATS];
    // The first run is not counted.
    for (int i = -1; i < REPEATS; i++) {
      long start = now();
      tokens(sources);
      long generated = now();
      int[] done = {0};
      long[] first = {0};
      model.generate(
          prompts,
          () -> {
            if (++done[0] == 1) {
              first[0] = now();
            }
          });
      if (i >= 0) {
        tower[i] = (generated - start) / 1e9 / count;
        step[i] = (now() - first[0]) / 1e9 / (steps - 1);
        prompt[i] = ((first[0] - generated) / 1e9 - step[i]) / count;
      }
    }
    System.out.printf(
        "%3d row(s): source image %.4f s a row, prompt %.4f s a row, both %.4f s a row;"
            + " decoding step %.2f ms%n",
        count, median(tower), median(prompt), median(tower) + median(prompt), 1000 * median(step));
  }

  /** Whether ids are the same together, in another order and alone. */
  private boolean neighbours(int side) {
    Random random = new Random(3);
    List<Source> sources = new ArrayList<>();
    for (int i = 0; i < 11; i++) {
      Grid grid = new Grid(side - random.nextInt(side / 2), side - random.nextInt(side / 2));
      sources.add(source(grid, 100 + i));
    }
    List<PriorPrompt> prompts = prompts(sources, new Grid(1, COMPARED_TOKENS));
    List<int[]> expected = model.generate(prompts);
    List<Integer> order = new ArrayList<>();
    for (int i = 0; i < sources.size(); i++) {
      order.add(i);
    }
    Collections.shuffle(order, random);
    List<int[]> shuffled = model.generate(order.stream().map(prompts::get).toList());
    int different = 0;
    for (int i = 0; i < sources.size(); i++) {
      int row = order.get(i);
      int[] ids = model.generate(List.of(prompts.get(row))).get(0);
      different += Arrays.equals(expected.get(row), shuffled.get(i)) ? 0 : 1;
      different += Arrays.equals(expected.get(row), ids) ? 0 : 1;
    }
    System.out.printf(
        "neighbours: %d of %d results differ (%d different prompts, for example %s)%n",
        different,
        2 * sources.size(),
        expected.stream().map(Arrays::toString).distinct().count(),
        Arrays.stream(expected.get(0))
            .limit(6)
            .mapToObj(Integer::toString)
            .collect(Collectors.joining(" ")));
    return different == 0;
  }

  /** A source image of noise: {@code patches [N, L]} for the N patches of its grid. */
  private record Source(Grid grid, float[] patches) {}

  private Source source(Grid grid, long seed) {
    Random random = new Random(seed);
    float[] patches = new float[grid.size() * model.patchValues()];
    for (int i = 0; i < patches.length; i++) {
      patches[i] = (float) random.nextGaussian();
    }
    return new Source(grid, patches);
  }

  private List<int[]> tokens(List<Source> sources) {
    List<int[]> tokens = new ArrayList<>();
    for (Source source : sources) {
      try (TensorScope scope = new TensorScope()) {
        Tensor patches = Ops.of(source.patches(), source.grid().size(), model.patchValues());
        tokens.add(model.sourceTokens(patches, source.grid()));
      }
    }
    return tokens;
  }

  private List<PriorPrompt> prompts(List<Source> sources, Grid target) {
    List<int[]> tokens = tokens(sources);
    List<PriorPrompt> prompts = new ArrayList<>();
    for (int i = 0; i < sources.size(); i++) {
      Grid grid = sources.get(i).grid();
      int[] ids = new int[grid.size() + 3 + TEXT_TOKENS];
      Arrays.fill(ids, model.imageTokenId());
      ids[0] = model.imageStartId();
      ids[grid.size() + 1] = model.imageEndId();
      for (int t = 0; t < TEXT_TOKENS; t++) {
        ids[grid.size() + 2 + t] = firstText + 1 + (31 * i + t) % 200;
      }
      ids[ids.length - 1] = model.imageStartId();
      prompts.add(
          new PriorPrompt(ids, List.of(tokens.get(i)), List.of(grid), List.of(target), 1000 + i));
    }
    return prompts;
  }

  private static long now() {
    Libtorch.synchronize();
    return System.nanoTime();
  }

  private static double median(double[] times) {
    Arrays.sort(times);
    return times[times.length / 2];
  }
}
